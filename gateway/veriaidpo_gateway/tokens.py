"""Who calls: a Bearer token is believed only after a guard of our own and python-jose agree on it.

python-jose alone accepts more than it should (unknown `kid`s, `crit`, missing claims, malleable signatures)
and raises what it should not (RecursionError on an unsigned token), so it only ever sees tokens of a shape
that was checked here, and only one prepared key with the one algorithm that key is for. Whatever is wrong,
the answer is the same 401: which check failed is nobody's business.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from jose import jwt
from jose.exceptions import JOSEError

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.access import TENANT, Caller
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.keys import Keys, VerificationKey
from veriaidpo_gateway.settings import TokenSettings
from veriaidpo_gateway.verified import Good, Verified

LONGEST = 8 * 1024
SKEW = 60
"""Seconds another machine's clock may be ahead of ours (`iat`, `nbf`); `exp` has no such grace."""

_SCHEME = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] (\S+)", re.ASCII)
_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{1,7168})\.([A-Za-z0-9_-]{1,1024})", re.ASCII)
_ROLE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SIGNATURE_ONLY = {
    f"verify_{claim}": False for claim in ("aud", "iss", "exp", "iat", "nbf", "sub", "jti", "at_hash")
}


class _RefusedError(Exception):
    """The token is not good; the text is for whoever reads the tests, never for a caller."""


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
        _check_times(good.times, settings.max_lifetime, now)
        return _unrevoked(good.caller, revoked)
    except (
        _RefusedError,
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
    except (_RefusedError, ValueError, RecursionError):
        return None
    kid = header.get("kid", "")
    return kid if isinstance(kid, str) and header.get("alg") in {"RS256", "ES256"} else None


def _token(authorization: str | None) -> str:
    match = _SCHEME.fullmatch(authorization or "")
    if match is None or len(match[1]) > LONGEST:
        raise _RefusedError("no bearer token")
    return match[1]


def _good(token: str, keys: Keys, settings: TokenSettings) -> Good:
    payload_part, kid, key = _guard(token, keys)
    # jose is asked for the signature alone: its clock is not ours, and it lets absent claims pass.
    jwt.decode(token, key.key, algorithms=[key.algorithm], options=_SIGNATURE_ONLY)
    claims = _object(_decode(payload_part))
    times: dict[str, int] = {name: _whole(claims[name]) for name in ("exp", "iat", "nbf") if name in claims}
    return Good(_caller(claims, settings), times, kid, key)


def _guard(token: str, keys: Keys) -> tuple[str, str, VerificationKey]:
    match = _SHAPE.fullmatch(token)
    if match is None:
        raise _RefusedError("not three parts")
    header_part, payload_part, signature_part = match.groups()
    _decode(signature_part)
    header = _object(_decode(header_part))
    if not header.keys() <= {"alg", "kid", "typ"}:
        raise _RefusedError("a header we do not know")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or ("kid" in header and not kid):
        raise _RefusedError("kid")
    if header.get("typ", "JWT") not in ("JWT", "jwt", "at+jwt"):
        raise _RefusedError("typ")
    key = keys.get(kid)
    if key is None or header.get("alg") != key.algorithm:
        raise _RefusedError("no such key, or not with this algorithm")
    return payload_part, kid, key


def _decode(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise _RefusedError("base64url") from error
    # A second spelling of the same bytes would be a second token for a deny list.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise _RefusedError("not canonical")
    return raw


def _object(data: bytes) -> dict[str, Any]:
    found = strict_json.loads(data)
    if not isinstance(found, dict):
        raise _RefusedError("not an object")
    return found


def _caller(claims: Mapping[str, Any], settings: TokenSettings) -> Caller:
    if settings.issuer is not None and claims.get("iss") != settings.issuer:
        raise _RefusedError("iss")
    if settings.audience is not None and settings.audience not in _audiences(claims.get("aud")):
        raise _RefusedError("aud")
    return Caller(
        sub=_string(claims, "sub", 256),
        role=_matching(claims, "role", _ROLE),
        tenant=_matching(claims, "tenant_id", TENANT),
        permissions=_permissions(claims),
        jti=_string(claims, "jti", 256) if "jti" in claims else None,
    )


def _unrevoked(caller: Caller, revoked: Callable[[Caller], bool]) -> Caller:
    if revoked(caller):
        raise _RefusedError("revoked")
    return caller


def _check_times(times: Mapping[str, int], max_lifetime: int, now: float) -> None:
    if not now < times["exp"] <= now + max_lifetime + SKEW:
        raise _RefusedError("exp")
    for name in ("iat", "nbf"):
        if times.get(name, 0) > now + SKEW:
            raise _RefusedError(name)


def _whole(value: object) -> int:
    # bool is an int to Python; "1" and 1.0 are not times to us.
    if type(value) is not int:
        raise _RefusedError("not a whole number")
    return value


def _audiences(claim: object) -> list[str]:
    found = [claim] if isinstance(claim, str) else claim
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _RefusedError("aud")
    return found


def _string(claims: Mapping[str, Any], name: str, longest: int) -> str:
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise _RefusedError(name)
    return value


def _matching(claims: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = claims[name]
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _RefusedError(name)
    return value


def _permissions(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "permissions" not in claims:
        return None
    found = claims["permissions"]
    if not isinstance(found, list) or len(found) > 256:
        raise _RefusedError("permissions")
    if not all(isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable() for name in found):
        raise _RefusedError("permissions")
    return tuple(found)
