"""Keys of an identity provider, and the sets it may publish them in. PyJWT writes the sets."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from veriaidpo_gateway.identity.jwks import keys_from_set

NOW = 1_800_000_000
CLAIMS = {"sub": "u1", "role": "staff", "tenant_id": "t1", "iat": NOW - 5, "exp": NOW + 600}
BOTH = ("RS256", "ES256")
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = "the first secret, of 32 bytes or more"


def member(key: Any, kid: Any = ..., **changes: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    named = {**found, "use": "sig", "kid": kid, **changes}
    return {name: value for name, value in named.items() if value is not ...}


def key_set(*members: Any) -> bytes:
    return json.dumps({"keys": members}).encode()


SET = key_set(member(RSA_KEY, "r1", alg="RS256"), member(EC_KEY, "e1"))
KEYS = keys_from_set(SET, BOTH)
