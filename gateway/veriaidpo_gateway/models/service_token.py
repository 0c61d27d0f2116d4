"""How a predictor knows that it is the gateway who asks: a token of one minute, made out to one model.

Only the gateway holds the private key; predictors hold the public one and answer nobody else.
"""

import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jose import jwk, jwt
from jose.backends.base import Key

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed

ISSUER = "veriaidpo-gateway"
LIFETIME = 60
"""Seconds."""

_RENEWED_AFTER = 40
"""Seconds a token is used again for: the predictor may be a little behind, and the call takes time too."""


class ServiceTokens:
    """Signs and reuses tokens, one per model; follows the key file, so that a new key needs no restart."""

    def __init__(self, key_file: Path, *, clock: Callable[[], float] = time.time) -> None:
        try:
            self._key = Followed(key_file, _private_key)
        except (OSError, ValueError) as error:
            raise InvalidSettingsError(
                "SERVICE_KEY_FILE: an EC P-256 private key in PEM is needed"
            ) from error
        self._clock = clock
        self._made: dict[str, tuple[float, Key, str]] = {}

    def for_model(self, model: str) -> str:
        """Return a token that model accepts for at least another 20 s."""
        now, key = self._clock(), self._key.value
        made = self._made.get(model)
        if made is not None and 0 <= now - made[0] < _RENEWED_AFTER and made[1] is key:
            return made[2]
        issued = int(now)
        token = jwt.encode(
            {"iss": ISSUER, "aud": model, "iat": issued, "exp": issued + LIFETIME}, key, algorithm="ES256"
        )
        self._made[model] = (now, key, token)
        return token


def _private_key(data: bytes) -> Key:
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise ValueError("the key is encrypted") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a P-256 key")  # noqa: TRY004  one kind of trouble with a file
    return jwk.construct(data.decode(), "ES256")
