"""Files that change while the gateway runs: routes, secrets, the service key."""

import json
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.identity.keys import followed_keys, keys_from
from veriaidpo_gateway.models.service_token import ServiceTokens
from veriaidpo_gateway.models.sources import FileSource, parse_file
from veriaidpo_gateway.token_settings import TokenSettings


class Clock:
    def __init__(self, now: Any = 0.0) -> None:
        self.now = now

    def __call__(self) -> Any:
        return self.now


def replace(path: Any, data: Any) -> None:
    """As Kubernetes does: the new file takes the old one's place at once."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def test_a_changed_file_is_read_again_after_a_second(tmp_path: Any) -> None:
    path, clock = tmp_path / "f", Clock()
    path.write_bytes(b"one")
    followed = Followed(path, bytes.decode, clock=clock)
    replace(path, b"two")
    assert followed.value == "one"
    clock.now = 1.0
    assert followed.value == "two"


@pytest.mark.parametrize("trouble", ["gone", "broken"])
def test_a_file_that_cannot_be_read_leaves_the_last_good_value(tmp_path: Any, trouble: Any) -> None:
    path, clock = tmp_path / "f", Clock()
    path.write_bytes(b"one")
    followed = Followed(path, bytes.decode, clock=clock)
    path.unlink() if trouble == "gone" else replace(path, b"\xff\xff")
    clock.now = 1.0
    assert followed.value == "one"
    replace(path, b"three")
    clock.now = 2.0
    assert followed.value == "three"


def test_a_mounted_volume_is_followed_through_its_symlink(tmp_path: Any) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(name)
    (tmp_path / "data").symlink_to("v1")
    clock = Clock()
    followed = Followed(tmp_path / "data" / "key", bytes.decode, clock=clock)
    (tmp_path / "data.new").symlink_to("v2")
    (tmp_path / "data.new").replace(tmp_path / "data")
    clock.now = 1.0
    assert followed.value == "v2"


def test_routes_are_read_from_documents_and_lists(model_resource: Any) -> None:
    one, two = model_resource(), model_resource("consent-vi", model_type="consent")
    as_documents = yaml.safe_dump_all([one, two, {"kind": "ConfigMap"}, None]).encode()
    as_list = json.dumps({"kind": "List", "items": [one, two]}).encode()
    as_model_list = json.dumps({"kind": "ModelList", "items": [one, two]}).encode()
    for data in (as_documents, as_list, as_model_list):
        assert parse_file(data).types == ("consent", "principles")


def test_an_empty_file_is_an_empty_table() -> None:
    assert parse_file(b"").models == ()


@pytest.mark.parametrize("data", [b"[1]", b"a: b: c", b"- 1\n- 2", b"\xff"])
def test_what_is_no_list_of_resources_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        parse_file(data)


def test_a_missing_routes_file_is_said_at_the_start(tmp_path: Any) -> None:
    with pytest.raises(InvalidSettingsError, match="ROUTES_FILE"):
        FileSource(tmp_path / "nowhere")


def test_a_routes_file_is_a_source(tmp_path: Any, model_resource: Any) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(yaml.safe_dump(model_resource()))
    source = FileSource(path)
    assert source.current().types == ("principles",)
    assert (source.kind, source.connected) == ("file", True)


@pytest.mark.parametrize(
    "secret", ["", "short", "{}", '{"a": "short"}', '{"a": 7}', '{"a": "' + "x" * 32 + '", "a": "b"}', "{"]
)
def test_a_secret_that_is_none_is_refused(secret: Any) -> None:
    with pytest.raises(InvalidSettingsError, match="JWT_SECRET_KEY"):
        followed_keys(TokenSettings(secret=secret))


def test_one_secret_has_no_kid_and_several_have() -> None:
    assert set(keys_from(b"x" * 32)) == {""}
    assert set(keys_from(json.dumps({"a": "x" * 32, "": "y" * 32}).encode())) == {"a", ""}


def test_a_secret_file_is_read_and_trimmed(tmp_path: Any) -> None:
    path = tmp_path / "secret"
    path.write_text("x" * 32 + "\n")
    keys = followed_keys(TokenSettings(secret_file=path))
    assert keys()[""].key.sign(b"a") == keys_from(b"x" * 32)[""].key.sign(b"a")


def pem(key: Any) -> Any:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def service_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def test_a_service_token_is_for_one_model_and_one_minute(tmp_path: Any, service_key: Any) -> None:
    (tmp_path / "key").write_bytes(pem(service_key))
    token = ServiceTokens(tmp_path / "key", clock=Clock(1000.7)).for_model("principles-vi")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {"iss": "veriaidpo-gateway", "aud": "principles-vi", "iat": 1000, "exp": 1060}
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    jwt.api_jws.decode(token, service_key.public_key(), algorithms=["ES256"])


def test_a_service_token_is_used_again_while_it_is_good_for_20_seconds(
    tmp_path: Any, service_key: Any
) -> None:
    (tmp_path / "key").write_bytes(pem(service_key))
    clock = Clock(1000.0)
    tokens = ServiceTokens(tmp_path / "key", clock=clock)
    first = tokens.for_model("a")
    clock.now = 1039.9
    assert tokens.for_model("a") == first
    assert tokens.for_model("b") != first
    clock.now = 1040.0
    assert tokens.for_model("a") != first
    clock.now = 900.0  # the clock was set back: the token at hand is from the future
    assert jwt.decode(tokens.for_model("a"), options={"verify_signature": False})["iat"] == 900


@pytest.mark.parametrize("kind", ["missing", "rubbish", "rsa", "p384", "encrypted", "public"])
def test_only_a_p256_private_key_will_do(tmp_path: Any, kind: Any, service_key: Any) -> None:
    rubbish = {
        "rubbish": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "rsa": pem(rsa.generate_private_key(65537, 2048)),
        "p384": pem(ec.generate_private_key(ec.SECP384R1())),
        "encrypted": service_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        ),
        "public": service_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    }
    if kind != "missing":
        (tmp_path / "key").write_bytes(rubbish[kind])
    with pytest.raises(InvalidSettingsError, match="SERVICE_KEY_FILE"):
        ServiceTokens(tmp_path / "key")


def test_both_usual_forms_of_a_private_key_are_read(tmp_path: Any, service_key: Any) -> None:
    traditional = service_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    for data in (pem(service_key), traditional):
        (tmp_path / "key").write_bytes(data)
        assert ServiceTokens(tmp_path / "key").for_model("a").count(".") == 2
