"""Who calls: a Bearer token is believed only after a guard of our own and python-jose agree on it.

python-jose alone accepts more than it should (unknown `kid`s, `crit`, missing claims, malleable signatures)
and raises what it should not (RecursionError on an unsigned token), so it only ever sees tokens of a shape
that was checked here, and only one prepared key with the one algorithm that key is for. Whatever is wrong,
the answer is the same 401: which check failed is nobody's business.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from jose import jwt
from jose.exceptions import JOSEError

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.claims import RefusedError, caller_of, check_times, times_of
from veriaidpo_gateway.identity.keys import Keys, VerificationKey
from veriaidpo_gateway.identity.verified import Good, Verified
from veriaidpo_gateway.token_settings import TokenSettings

LONGEST = 8 * 1024

_SCHEME = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] (\S+)", re.ASCII)
_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{1,7168})\.([A-Za-z0-9_-]{1,1024})", re.ASCII)
_SIGNATURE_ONLY = {
    f"verify_{claim}": False for claim in ("aud", "iss", "exp", "iat", "nbf", "sub", "jti", "at_hash")
}


def verify(
    authorization: str | None,
    keys: Keys,
    settings: TokenSettings,
    now: float,
    *,
    revoked: Callable[[Caller], bool] = lambda _: False,
    known: Verified | None = None,
) -> Caller:
    """Return who the Authorization header speaks for, or raise the one 401.

    `known` are tokens whose signature was checked before, with the same `settings`.
    """
    try:
        token = _token(authorization)
        good = known.find(token, keys) if known is not None else None
        if good is None:
            good = _good(token, keys, settings)
            if known is not None:
                known.keep(token, good)
        check_times(good.times, settings.max_lifetime, now)
        return _unrevoked(good.caller, revoked)
    except (
        RefusedError,
        JOSEError,
        ValueError,
        TypeError,
        RecursionError,
        KeyError,
        AttributeError,
    ) as error:
        raise GatewayError(
            ErrorCode.UNAUTHENTICATED, headers={"WWW-Authenticate": 'Bearer realm="veriaidpo"'}
        ) from error


def unverified_kid(authorization: str | None) -> str | None:
    """Which published key a token claims to be signed with, believed by nobody; None when it names none."""
    try:
        match = _SHAPE.fullmatch(_token(authorization))
        header = _object(_decode(match[1])) if match else {}
    except (RefusedError, ValueError, RecursionError):
        return None
    kid = header.get("kid", "")
    return kid if isinstance(kid, str) and header.get("alg") in {"RS256", "ES256"} else None


def _token(authorization: str | None) -> str:
    match = _SCHEME.fullmatch(authorization or "")
    if match is None or len(match[1]) > LONGEST:
        raise RefusedError("no bearer token")
    return match[1]


def _good(token: str, keys: Keys, settings: TokenSettings) -> Good:
    payload_part, kid, key = _guard(token, keys)
    # jose is asked for the signature alone: its clock is not ours, and it lets absent claims pass.
    jwt.decode(token, key.key, algorithms=[key.algorithm], options=_SIGNATURE_ONLY)
    claims = _object(_decode(payload_part))
    return Good(caller_of(claims, settings), times_of(claims), kid, key)


def _guard(token: str, keys: Keys) -> tuple[str, str, VerificationKey]:
    match = _SHAPE.fullmatch(token)
    if match is None:
        raise RefusedError("not three parts")
    header_part, payload_part, signature_part = match.groups()
    _decode(signature_part)
    header = _object(_decode(header_part))
    if not header.keys() <= {"alg", "kid", "typ"}:
        raise RefusedError("a header we do not know")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or ("kid" in header and not kid):
        raise RefusedError("kid")
    if header.get("typ", "JWT") not in ("JWT", "jwt", "at+jwt"):
        raise RefusedError("typ")
    key = keys.get(kid)
    if key is None or header.get("alg") != key.algorithm:
        raise RefusedError("no such key, or not with this algorithm")
    return payload_part, kid, key


def _decode(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise RefusedError("base64url") from error
    # A second spelling of the same bytes would be a second token for a deny list.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise RefusedError("not canonical")
    return raw


def _object(data: bytes) -> dict[str, Any]:
    found = strict_json.loads(data)
    if not isinstance(found, dict):
        raise RefusedError("not an object")
    return found


def _unrevoked(caller: Caller, revoked: Callable[[Caller], bool]) -> Caller:
    if revoked(caller):
        raise RefusedError("revoked")
    return caller
