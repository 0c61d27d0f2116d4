"""The secrets that callers' tokens are signed with, by `kid`.

`JWT_SECRET_KEY` is either one secret or a JSON object `{kid: secret}`; the empty `kid` there is the secret of
tokens that name none. During a rotation both the old and the new secret are in the object.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jose import jwk
from jose.backends.base import Key

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.token_settings import TokenSettings

ALGORITHM = "HS256"
SHORTEST = 16
RECOMMENDED = 32
"""Bytes; RFC 7518 §3.2 asks for as many as the hash has."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the one algorithm it may be used with."""

    key: Key
    algorithm: str


Keys = Mapping[str, VerificationKey]


def secrets_from(data: bytes) -> Mapping[str, str]:
    """Read one secret or an object of secrets; ValueError when there is none, or one too short to be safe."""
    text = data.decode("utf-8").strip()
    found = strict_json.loads(text.encode()) if text.startswith("{") else {"": text}
    if not isinstance(found, dict) or not found:
        raise ValueError("no secret")
    for kid, secret in found.items():
        if len(kid) > 128 or not isinstance(secret, str) or len(secret.encode()) < SHORTEST:
            raise ValueError(f"every secret needs at least {SHORTEST} bytes")
    return MappingProxyType(found)


def keys_from(data: bytes) -> Keys:
    """Read the secrets and prepare the keys once: building one costs as much as a verification."""
    secrets = secrets_from(data)
    if any(len(secret.encode()) < RECOMMENDED for secret in secrets.values()):
        _log.warning("a token secret is shorter than the %d bytes HS256 asks for", RECOMMENDED)
    return MappingProxyType(
        {
            kid: VerificationKey(jwk.construct(secret.encode(), ALGORITHM), ALGORITHM)
            for kid, secret in secrets.items()
        }
    )


def followed_keys(settings: TokenSettings) -> Callable[[], Keys]:
    """Give a function that returns the keys of now; InvalidSettingsError when there are none at the start."""
    try:
        if settings.secret_file is not None:
            followed = Followed(settings.secret_file, keys_from)
            return lambda: followed.value
        keys = keys_from((settings.secret or "").encode())
    except (OSError, ValueError) as error:
        raise InvalidSettingsError(f"JWT_SECRET_KEY: {_reason(error)}") from error
    return lambda: keys


def _reason(error: Exception) -> str:
    return (
        "the file cannot be read" if isinstance(error, OSError) else f"at least {SHORTEST} bytes are needed"
    )
