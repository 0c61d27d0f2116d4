"""An identity provider as far as a gateway sees of it: published keys, and tokens signed with one."""

import time
import uuid
from dataclasses import dataclass
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt

KID = "e2e"


@dataclass(frozen=True)
class IdentityProvider:
    """One key on the curve P-256, and what its tokens say of issuer and audience."""

    private: str
    public: str
    issuer: str
    audience: str

    @classmethod
    def new(cls, issuer: str, audience: str) -> Self:
        """Make a key, both halves in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(private.decode(), public.decode(), issuer, audience)

    def published(self) -> dict[str, Any]:
        """Return the key set that it publishes."""
        key = {**jwk.construct(self.public, "ES256").to_dict(), "kid": KID, "use": "sig"}
        return {
            "keys": [
                {name: value if isinstance(value, str) else value.decode() for name, value in key.items()}
            ]
        }

    def token(self, role: str) -> str:
        """Return a token that is good for an hour."""
        claims = {
            "sub": "somebody",
            "role": role,
            "tenant_id": "demo",
            "iss": self.issuer,
            "aud": self.audience,
            "jti": str(uuid.uuid4()),
            "exp": int(time.time()) + 3600,
        }
        return str(jwt.encode(claims, self.private, "ES256", headers={"kid": KID}))
