"""The service token: only the gateway may ask for a prediction, and a token for one model opens no other.

The gateway alone holds the private key. Here are public keys, or certificates that carry them; the file may
hold several while they are being changed, and is read again when it changes.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

log = logging.getLogger("veriaidpo.tokens")

ISSUER = "veriaidpo-gateway"
_LEEWAY_SECONDS = 10
_LIFETIME_SECONDS = 300  # the gateway gives its tokens 60; one that was meant to last is not one of them
_MAX_TOKEN_BYTES = 4_096
_MAX_FILE_BYTES = 1 << 20
_LOOK_AGAIN_SECONDS = 1.0
_BEGIN, _END = "-----BEGIN ", "-----END "


class TrustError(Exception):
    """A trust file without a usable key; the message is one sentence."""


class Trust:
    """The keys that may sign service tokens."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises TrustError."""
        self._path = path
        self._stamp = _stamp(path)
        self._keys = read_keys(path)
        self._looked = time.monotonic()

    def allows(self, token: str, audiences: Iterable[str]) -> bool:
        """Tell whether a token is good now for at least one of the audiences. Never raises."""
        if not token or len(token) > _MAX_TOKEN_BYTES:
            return False
        self._refresh()
        names = list(audiences)
        return any(_verifies(token, key, names) for key in self._keys)

    def _refresh(self) -> None:
        """Look whether the file changed, at most once a second; a broken new one changes nothing."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN_SECONDS:
            return
        self._looked = now
        stamp = _stamp(self._path)
        if stamp is None or stamp == self._stamp:
            return
        try:
            self._keys = read_keys(self._path)
        except TrustError as error:
            log.warning("the keys in force stay: %s", error)
        else:
            log.info("read %d service keys again", len(self._keys))
        self._stamp = stamp


def read_keys(path: Path) -> list[ec.EllipticCurvePublicKey]:
    """Read public keys and certificates, PEM, P-256 only; raises TrustError."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).decode("ascii", errors="replace")
    except OSError as error:
        raise TrustError(f"The trust file {path} cannot be read: {error.strerror}.") from error
    keys: list[ec.EllipticCurvePublicKey] = []
    for kind, block in _blocks(text):
        try:
            key = _key(kind, block)
        except ValueError:
            raise TrustError(f"The trust file {path} has a broken {kind.lower()}.") from None
        if key is None:
            raise TrustError(
                f"The trust file {path} holds something that is no public key and no certificate."
            )
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise TrustError(f"The trust file {path} has a key that is not on the curve P-256.")
        keys.append(key)
    if not keys:
        raise TrustError(f"The trust file {path} has no public key.")
    return keys


def _key(kind: str, block: bytes) -> object:
    if kind == "CERTIFICATE":
        return x509.load_pem_x509_certificate(block).public_key()
    return load_pem_public_key(block) if kind == "PUBLIC KEY" else None


def _blocks(text: str) -> list[tuple[str, bytes]]:
    """Split a bundle into its PEM blocks, each with its kind."""
    blocks = []
    for part in text.split(_BEGIN)[1:]:
        kind = part.split("-----", 1)[0]
        body, ending, _ = part.partition(f"{_END}{kind}-----")
        if not ending:
            raise TrustError("The trust file ends in the middle of a key.")
        blocks.append((kind, f"{_BEGIN}{body}{_END}{kind}-----\n".encode()))
    return blocks


def _verifies(token: str, key: ec.EllipticCurvePublicKey, audiences: list[str]) -> bool:
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=audiences,
            issuer=ISSUER,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"], "strict_aud": False},
        )
        return bool(claims["exp"] - claims["iat"] <= _LIFETIME_SECONDS)
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError):
        return False


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()  # follows the links by which Kubernetes swaps a mounted secret
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
