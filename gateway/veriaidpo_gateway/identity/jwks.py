"""A published set of keys (RFC 7517), as far as tokens may be believed by it.

A set that holds a secret, or the same name twice, is refused whole: somebody has published what they did
not mean to. A key of another kind, another use or too little strength is left out. Each key gets the one
algorithm that it is for, so no header can choose another.
"""

import base64
import logging
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.identity.keys import Keys, VerificationKey

MOST_BYTES = 64 * 1024
RSA_BITS = range(2048, 4097)
"""RFC 7518 §3.3 asks for 2048 and more; what is longer than 4096 costs more than it gives."""

_ALGORITHM = MappingProxyType({"RSA": "RS256", "EC": "ES256"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_log = logging.getLogger(__name__)


def keys_from_set(data: bytes, algorithms: Collection[str]) -> Keys:
    """Read the keys for these algorithms; ValueError when the set is not to be trusted, or holds none."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"a key set has at most {MOST_BYTES} bytes")
    found = _members(data)
    keys: dict[str, VerificationKey] = {}
    names: set[str] = set()
    for member in found:
        kid = _name(member)
        if kid in names:
            raise ValueError("two keys have the same kid")
        names.add(kid)
        key = _key(member, algorithms)
        if key is not None:
            keys[kid] = key
    if not keys:
        raise ValueError("no key in it can be used")
    if len(keys) < len(found):
        _log.info("%d keys of the key set are not used", len(found) - len(keys))
    return MappingProxyType(keys)


def _members(data: bytes) -> list[Mapping[str, Any]]:
    try:
        found = strict_json.loads(data)
    except RecursionError as error:
        raise ValueError("not a key set") from error
    members = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise ValueError("not a key set")
    return members


def _name(member: Mapping[str, Any]) -> str:
    """Name a key as a token does: one without `kid` is for tokens without."""
    kid = member.get("kid", "")
    if not isinstance(kid, str) or len(kid) > 256 or ("kid" in member and not kid):
        raise ValueError("a kid is not a name")
    return kid


def _key(member: Mapping[str, Any], algorithms: Collection[str]) -> VerificationKey | None:
    kind = member.get("kty")
    if kind == "oct" or member.keys() & _PRIVATE:
        raise ValueError("a secret is in the key set")
    algorithm = _ALGORITHM.get(kind) if isinstance(kind, str) else None
    if algorithm is None or algorithm not in algorithms or not _for_signatures(member, algorithm):
        return None
    public = _rsa(member) if kind == "RSA" else _p256(member)
    # jose's types know PEM only; it takes the key itself as well, and then parses nothing.
    return None if public is None else VerificationKey(jwk.construct(public, algorithm), algorithm)  # type: ignore[arg-type]


def _for_signatures(member: Mapping[str, Any], algorithm: str) -> bool:
    operations = member.get("key_ops", ["verify"])
    return (
        member.get("use", "sig") == "sig"
        and member.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )


def _rsa(member: Mapping[str, Any]) -> rsa.RSAPublicKey | None:
    n, e = (int.from_bytes(_bytes(member, name), "big") for name in ("n", "e"))
    if n.bit_length() not in RSA_BITS or not 65_537 <= e < 2**32:
        _log.warning("an RSA key of %d bits in the key set is not used", n.bit_length())
        return None
    return rsa.RSAPublicNumbers(e, n).public_key()


def _p256(member: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | None:
    if member.get("crv") != "P-256":
        return None
    x, y = (_bytes(member, name) for name in ("x", "y"))
    if not len(x) == len(y) == 32:
        raise ValueError("a coordinate has not its length")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    return numbers.public_key()  # ValueError for a point that is not on the curve


def _bytes(member: Mapping[str, Any], name: str) -> bytes:
    text = member.get(name)
    if not isinstance(text, str):
        raise ValueError("a number of a key is missing")  # noqa: TRY004  one kind of trouble with a set
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError("a number of a key is not base64url") from error
