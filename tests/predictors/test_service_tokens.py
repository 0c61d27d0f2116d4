"""Whose tokens are believed: keys and certificates in a file that may change at any time."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from veriaidpo_predictor.serving import tokens
from veriaidpo_predictor.serving.tokens import Trust, TrustError


@pytest.fixture
def other(gateway: Any) -> Any:
    return type(gateway)()


@pytest.fixture
def file(tmp_path: Path, gateway: Any) -> Path:
    path = tmp_path / "trust.pem"
    path.write_bytes(gateway.public_pem())
    return path


def certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "veriaidpo-gateway")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_is_as_good_as_a_key(file: Path, gateway: Any) -> None:
    file.write_bytes(b"Subject: somebody\n" + certificate(gateway.key))
    assert Trust(file).allows(gateway.token(), ["tiny-en"])


def test_any_key_of_the_bundle_may_have_signed(file: Path, gateway: Any, other: Any) -> None:
    file.write_bytes(other.public_pem() + certificate(gateway.key))
    trust = Trust(file)
    assert trust.allows(gateway.token(), ["tiny-en"])
    assert trust.allows(other.token(), ["tiny-en"])
    assert not trust.allows(type(gateway)().token(), ["tiny-en"])


def test_a_changed_file_is_read_again_and_the_former_key_is_out(
    file: Path, gateway: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_LOOK_AGAIN_SECONDS", 0)
    trust = Trust(file)
    replacement = file.with_suffix(".new")
    replacement.write_bytes(other.public_pem())
    replacement.rename(file)
    assert trust.allows(other.token(), ["tiny-en"])
    assert not trust.allows(gateway.token(), ["tiny-en"])


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None]
)
def test_a_broken_or_missing_new_file_leaves_the_keys_in_force(
    file: Path, gateway: Any, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setattr(tokens, "_LOOK_AGAIN_SECONDS", 0)
    trust = Trust(file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert trust.allows(gateway.token(), ["tiny-en"])


def rsa_key() -> bytes:
    key = rsa.generate_private_key(65_537, 2_048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def p384_key() -> bytes:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nhalf",
        b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        rsa_key(),
        p384_key(),
        private_key(),
    ],
    ids=["empty", "half", "broken", "rsa", "p384", "private"],
)
def test_a_file_with_anything_but_p256_public_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trust.pem").write_bytes(content)
    with pytest.raises(TrustError):
        Trust(tmp_path / "trust.pem")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="cannot be read"):
        Trust(tmp_path / "absent.pem")


def test_only_es256_is_believed(file: Path, gateway: Any) -> None:
    trust = Trust(file)
    claims = jwt.decode(gateway.token(), options={"verify_signature": False})
    assert not trust.allows(jwt.encode(claims, "", algorithm="none"), ["tiny-en"])
    secret = gateway.public_pem().replace(b"-----", b"+++++")  # PyJWT itself refuses to sign with a PEM key
    assert not trust.allows(jwt.encode(claims, secret, algorithm="HS256"), ["tiny-en"])


ODD = [
    {"exp": 10**400},
    {"exp": "soon"},
    {"iat": [1]},
    {"iss": ["veriaidpo-gateway"]},
    {"aud": {"a": 1}},
    {"aud": 7},
]


@pytest.mark.parametrize("claims", ODD)
def test_odd_claims_are_not_believed(file: Path, gateway: Any, claims: dict[str, Any]) -> None:
    assert not Trust(file).allows(gateway.token(**claims), ["tiny-en"])


def test_a_token_that_lives_longer_than_service_tokens_do_is_not_believed(file: Path, gateway: Any) -> None:
    now = int(time.time())
    assert Trust(file).allows(gateway.token(iat=now, exp=now + 300), ["tiny-en"])
    assert not Trust(file).allows(gateway.token(iat=now, exp=now + 301), ["tiny-en"])


def test_one_of_several_audiences_is_enough(file: Path, gateway: Any) -> None:
    assert Trust(file).allows(gateway.token(["other-en", "tiny-en"]), ["tiny-en"])


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "é.ü.ö", "[" * 3_000, os.urandom(64).hex()])
def test_what_is_no_token_is_not_believed(file: Path, token: str) -> None:
    assert not Trust(file).allows(token, ["tiny-en"])
