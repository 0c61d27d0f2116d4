"""Which tokens are believed by published keys. PyJWT makes the tokens, and is the oracle."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity import tokens
from veriaidpo_gateway.identity.jwks import keys_from_set
from veriaidpo_gateway.identity.keys import keys_from
from veriaidpo_gateway.token_settings import TokenSettings

from ..forging import forged, part
from .published_keys import BOTH, CLAIMS, EC_KEY, KEYS, NOW, OTHER_RSA, RSA_KEY, SECRET, SET, key_set, member


def token(key: Any, algorithm: str, kid: Any = ..., **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    return jwt.encode(claims, key, algorithm, headers={} if kid is ... else {"kid": kid})


def believed(bearer: str, keys: Any = KEYS, **wanted: Any) -> bool:
    try:
        return tokens.verify(f"Bearer {bearer}", keys, TokenSettings(**wanted), NOW).sub == "u1"
    except GatewayError as error:
        if error.code is not ErrorCode.UNAUTHENTICATED:
            raise
        return False


GOOD = {"RS256": token(RSA_KEY, "RS256", "r1"), "ES256": token(EC_KEY, "ES256", "e1")}


@pytest.mark.parametrize("algorithm", BOTH)
def test_a_token_of_a_published_key_is_believed(algorithm: str) -> None:
    assert believed(GOOD[algorithm])


def test_keys_of_both_kinds_and_secrets_live_side_by_side_by_kid() -> None:
    keys = {**KEYS, **keys_from(json.dumps({"h1": SECRET}).encode())}
    assert all(believed(good, keys) for good in (*GOOD.values(), token(SECRET, "HS256", "h1")))
    assert not believed(token(SECRET, "HS256", "r1"), keys)
    assert not believed(token(RSA_KEY, "RS256", "h1"), keys)
    assert not believed(token(RSA_KEY, "RS256", "e1"), keys)
    assert not believed(token(EC_KEY, "ES256", "r1"), keys)


def test_one_key_without_a_name_is_for_tokens_without() -> None:
    keys = keys_from_set(key_set(member(RSA_KEY)), BOTH)
    assert believed(token(RSA_KEY, "RS256"), keys)
    assert not believed(GOOD["RS256"], keys)


def public_forms() -> dict[str, bytes]:
    public = RSA_KEY.public_key()
    pem, der, ssh = serialization.Encoding.PEM, serialization.Encoding.DER, serialization.Encoding.OpenSSH
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    jwk = member(RSA_KEY, "r1", alg="RS256")
    return {
        "PEM": public.public_bytes(pem, info),
        "PEM without its last line break": public.public_bytes(pem, info).strip(),
        "PKCS#1 PEM": public.public_bytes(pem, serialization.PublicFormat.PKCS1),
        "DER": public.public_bytes(der, info),
        "PKCS#1 DER": public.public_bytes(der, serialization.PublicFormat.PKCS1),
        "SSH": public.public_bytes(ssh, serialization.PublicFormat.OpenSSH),
        "JWK": json.dumps(jwk).encode(),
        "the set": SET,
        "the modulus": base64.urlsafe_b64decode(jwk["n"] + "=="),
        "the modulus as text": jwk["n"].encode(),
    }


@pytest.mark.parametrize("form", public_forms().values(), ids=public_forms().keys())
@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_a_public_key_is_no_secret(form: bytes, algorithm: str) -> None:
    mixed = {**KEYS, **keys_from(json.dumps({"h1": SECRET}).encode())}
    for kid in ({}, {"kid": "r1"}, {"kid": "h1"}):
        assert not believed(forged({"alg": algorithm, **kid}, CLAIMS, form), mixed)


HEADER = {"alg": "RS256", "kid": "r1"}
SIGNATURE = GOOD["RS256"].rpartition(".")[2]


def resigned(claims: Any = CLAIMS, **changes: Any) -> str:
    """A token whose header is anything, with a true signature of the published RSA key."""
    header = {name: value for name, value in {**HEADER, **changes}.items() if value is not ...}
    signing_input = f"{part(header)}.{part(claims)}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signing_input.encode(), RSA_KEY)
    return f"{signing_input}.{part(signature)}"


REFUSED = {
    "alg none": f"{part({'alg': 'none', 'kid': 'r1'})}.{part(CLAIMS)}.",
    "alg NONE with a signature": resigned(alg="NONE"),
    "alg nOnE": resigned(alg="nOnE"),
    "alg missing": resigned(alg=...),
    "alg null": resigned(alg=None),
    "alg a list": resigned(alg=["RS256"]),
    "alg of another key's kind": resigned(alg="ES256"),
    "alg HS256": resigned(alg="HS256"),
    "alg PS256": jwt.encode(CLAIMS, RSA_KEY, "PS256", headers={"kid": "r1"}),
    "alg RS384": jwt.encode(CLAIMS, RSA_KEY, "RS384", headers={"kid": "r1"}),
    "alg RS512": jwt.encode(CLAIMS, RSA_KEY, "RS512", headers={"kid": "r1"}),
    "another key": token(OTHER_RSA, "RS256", "r1"),
    "another EC key": token(ec.generate_private_key(ec.SECP256R1()), "ES256", "e1"),
    "no kid": resigned(kid=...),
    "unknown kid": resigned(kid="r2"),
    "kid in another case": resigned(kid="R1"),
    "kid with a blank": resigned(kid="r1 "),
    "kid traversal": resigned(kid="../../../../dev/null"),
    "kid injection": resigned(kid="' UNION SELECT 'r1"),
    "kid an address": resigned(kid="https://evil.example/jwks.json"),
    "kid a list": resigned(kid=["r1"]),
    "kid an object": resigned(kid={"r1": 1}),
    "kid a number": resigned(kid=1),
    "kid very long": resigned(kid="r1" * 4000),
    "jku": resigned(jku="https://evil.example/jwks.json"),
    "x5u": resigned(x5u="https://evil.example/cert.pem"),
    "x5c": resigned(x5c=["MIIB"]),
    "jwk": resigned(jwk=member(RSA_KEY, "r1")),
    "crit": resigned(crit=["exp"]),
    "an EC signature in DER": "",
    "an EC signature of zeros": f"{GOOD['ES256'].rpartition('.')[0]}.{part(bytes(64))}",
    "an EC signature too short": f"{GOOD['ES256'].rpartition('.')[0]}.{part(bytes(63))}",
    "an RSA signature of zeros": f"{GOOD['RS256'].rpartition('.')[0]}.{part(bytes(256))}",
    "an RSA signature empty": f"{GOOD['RS256'].rpartition('.')[0]}.",
    "the claims of another": ".".join(
        [GOOD["RS256"].split(".")[0], part({**CLAIMS, "role": "admin"}), SIGNATURE]
    ),
    "expired": token(RSA_KEY, "RS256", "r1", exp=NOW),
    "no exp": token(RSA_KEY, "RS256", "r1", exp=...),
    "nbf ahead": token(RSA_KEY, "RS256", "r1", nbf=NOW + 61),
    "iat ahead": token(RSA_KEY, "RS256", "r1", iat=NOW + 61),
    "exp a fraction": token(RSA_KEY, "RS256", "r1", exp=NOW + 60.5),
    "exp 1e300": token(RSA_KEY, "RS256", "r1", exp=1e300),
    "no sub": token(RSA_KEY, "RS256", "r1", sub=...),
    "sub a number": resigned({**CLAIMS, "sub": 7}),
}
_head, _, _raw = GOOD["ES256"].rpartition(".")
REFUSED["an EC signature in DER"] = f"{_head}.{part(EC_KEY.sign(_head.encode(), ec.ECDSA(hashes.SHA256())))}"


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_the_one_401(bad: str) -> None:
    assert not believed(bad)


@pytest.mark.parametrize("iss", [["us"], "us2", "u", None, ..., "US"])
def test_the_issuer_is_the_one(iss: Any) -> None:
    assert believed(resigned({**CLAIMS, "iss": "us"}), issuer="us")
    claims = {name: value for name, value in {**CLAIMS, "iss": iss}.items() if value is not ...}
    assert not believed(resigned(claims), issuer="us")


@pytest.mark.parametrize("aud", ["other", ["other"], [], ..., None])
def test_a_token_for_another_service_is_not_for_this_one(aud: Any) -> None:
    assert believed(resigned({**CLAIMS, "aud": ["other", "us"]}), audience="us")
    claims = {name: value for name, value in {**CLAIMS, "aud": aud}.items() if value is not ...}
    assert not believed(resigned(claims), audience="us")


ORACLE: dict[str, tuple[Any, str]] = {"r1": (RSA_KEY, "RS256"), "e1": (EC_KEY, "ES256")}


def believed_by_the_oracle(bearer: str) -> bool:
    # Its clock cannot be set: times are judged by our own vectors.
    unchecked = ("verify_exp", "verify_iat", "verify_nbf", "verify_aud")
    options: Any = {"require": ["exp", "sub"], **dict.fromkeys(unchecked, False)}
    try:
        kid = jwt.get_unverified_header(bearer).get("kid", "")
        key, algorithm = ORACLE[kid]
        jwt.decode(bearer, key.public_key(), algorithms=[algorithm], options=options)
    except (jwt.PyJWTError, KeyError, TypeError):
        return False
    return True


@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_token_we_believe_no_more_than_the_oracle(data: Any) -> None:
    good = data.draw(st.sampled_from(sorted(GOOD.values())))
    changed = bytearray(good.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0x21, 0x7E))
    text = changed.decode()
    if believed(text):
        assert believed_by_the_oracle(text)
        assert text == good
