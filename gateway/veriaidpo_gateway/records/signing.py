"""What is signed about records: where a chain ended at a time, what was erased by whose order (ES256, JWS).

Whoever can write to the database can also make hashes that fit; a signature they cannot make. Keys are named
by the first 16 hex digits of the SHA-256 of the public key, so that one may follow another.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from veriaidpo_gateway.environment import InvalidSettingsError

ALGORITHM = "ES256"

Chains = Mapping[str, tuple[int, str]]
"""Of each chain how many rows were erased, and the SHA-256 of their hashes in order, in hex."""

_KID, _MOST_MISSING = re.compile("[0-9a-f]{16}"), 100
_NEEDED = "an EC P-256 private key in PEM is needed"


class UnsignedError(Exception):
    """Something that should be signed by a known key is not."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ended: `link` in hex, `time` in milliseconds since 1970.

    `lost` counts the answers that were given and could not be recorded. `others` are the newest heads of
    other chains as this replica saw them, so that a chain cannot be cut together with its own heads.
    """

    chain: str
    position: int
    link: str
    time: int
    closed: bool = False
    lost: int = 0
    others: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased.

    `before` in milliseconds since 1970: what is older was to go. `reason` is request or retention. Of one
    person's records `subject` is a keyed hash of who that is, in hex.
    """

    id: str
    tenant: str
    reason: str
    before: int
    time: int
    rows: int
    chains: Chains
    subject: str | None = None


class Signer:
    """Signs heads and receipts; InvalidSettingsError when the file holds no P-256 private key."""

    def __init__(self, key_file: Path, setting: str) -> None:
        try:
            data = key_file.read_bytes()
            public = load_pem_private_key(data, password=None).public_key()
            self._key: Key = jwk.construct(data.decode(), ALGORITHM)
        except (OSError, ValueError, TypeError, JOSEError) as error:
            raise InvalidSettingsError(f"{setting}: {_NEEDED}") from error
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise InvalidSettingsError(f"{setting}: {_NEEDED}")
        self._kid = _name_of(public)

    def sign(self, said: Head | Receipt) -> str:
        """Write a head or a receipt as a JWS."""
        kind = "head" if isinstance(said, Head) else "receipt"
        headers = {"kid": self._kid, "typ": f"veriaidpo-{kind}"}
        words = {name: value for name, value in asdict(said).items() if value is not None}
        signed: str = jws.sign(orjson.dumps(words), self._key, headers=headers, algorithm=ALGORITHM)
        return signed


class PublicKeys:
    """Reads what was signed with one of the keys of a PEM file (public keys, certificates); ValueError."""

    def __init__(self, pem: bytes) -> None:
        self._keys = {_name_of(key): jwk.construct(_pem(key).decode(), ALGORITHM) for key in _read(pem)}
        if not self._keys:
            raise ValueError("no P-256 public key or certificate in PEM")
        self.missing: set[str] = set()
        """Names of keys that something said it was signed with, and that are not among these."""

    def head(self, signed: str) -> Head:
        """Read a head; UnsignedError when no known key signed it."""
        said = self._payload(signed, "head")
        others = {chain: (int(end[0]), str(end[1])) for chain, end in said.pop("others").items()}
        return Head(**said, others=others)

    def receipt(self, signed: str) -> Receipt:
        """Read a receipt; UnsignedError when no known key signed it."""
        said = self._payload(signed, "receipt")
        chains = {chain: (int(part[0]), str(part[1])) for chain, part in said.pop("chains").items()}
        return Receipt(**said, chains=chains)

    def _named(self, kid: object) -> Key:
        if not isinstance(kid, str) or kid not in self._keys:
            # Anybody may have written this: what is no name is not repeated, nor how often it is another one.
            if isinstance(kid, str) and _KID.fullmatch(kid) and len(self.missing) < _MOST_MISSING:
                self.missing.add(kid)
            raise UnsignedError("no known key has signed this")
        return self._keys[kid]

    def _payload(self, signed: str, kind: str) -> dict[str, Any]:
        try:
            header = jws.get_unverified_header(signed)
            key = self._named(header.get("kid"))
            if header.get("typ") != f"veriaidpo-{kind}":
                raise UnsignedError("something else was signed")
            found: dict[str, Any] = orjson.loads(jws.verify(signed, key, ALGORITHM))
        except (JOSEError, KeyError, ValueError) as error:
            raise UnsignedError("no known key has signed this") from error
        return found


def receipt_id(signed: str) -> str:
    """Read which receipt this is, whoever signed it."""
    return str(orjson.loads(jws.get_unverified_claims(signed))["id"])


def _read(pem: bytes) -> Iterable[ec.EllipticCurvePublicKey]:
    for part in pem.split(b"-----BEGIN ")[1:]:
        block = b"-----BEGIN " + part
        certificate = block.startswith(b"-----BEGIN CERTIFICATE")
        key = load_pem_x509_certificate(block).public_key() if certificate else load_pem_public_key(block)
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            yield key


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _name_of(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]
