"""Which published keys are taken: a set that is not to be trusted is refused whole."""

import contextlib
import json
import logging
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from veriaidpo_gateway.identity.jwks import MOST_BYTES, keys_from_set

from ..forging import part
from .published_keys import BOTH, EC_KEY, OTHER_RSA, RSA_KEY, SET, key_set, member

ONE = member(RSA_KEY, "r1")
OFF_CURVE = {**member(EC_KEY, "e1"), "y": part(bytes(32))}
REFUSED_SETS = {
    "nothing": b"",
    "not JSON": b"<html>",
    "not an object": b"[]",
    "no keys": b"{}",
    "keys not a list": b'{"keys": {}}',
    "an empty list": key_set(),
    "a key not an object": key_set(ONE, 7),
    "a key twice in the JSON": b'{"keys": [], "keys": [' + json.dumps(ONE).encode() + b"]}",
    "nested too deeply": b'{"keys":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "too large": key_set(ONE, *({**ONE, "kid": f"k{i}", "x5c": ["A" * 1000]} for i in range(64))),
    "a kid twice": key_set(ONE, member(OTHER_RSA, "r1")),
    "a kid twice, of two kinds": key_set(ONE, member(EC_KEY, "r1")),
    "two without a kid": key_set(member(RSA_KEY), member(OTHER_RSA)),
    "an empty kid": key_set(member(RSA_KEY, "")),
    "a kid that is a number": key_set(member(RSA_KEY, 1)),
    "a secret inside": key_set(ONE, {"kty": "oct", "kid": "s", "k": part(b"s" * 32)}),
    "a secret of another kind inside": key_set(ONE, {"kty": "OKP", "kid": "s", "k": "abc"}),
    "a private RSA key": key_set({**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "r1"}),
    "a private EC key": key_set({**ECAlgorithm.to_jwk(EC_KEY, as_dict=True), "kid": "e1"}),
    "a private key that would not be used": key_set(
        ONE, {**RSAAlgorithm.to_jwk(OTHER_RSA, as_dict=True), "kid": "x", "use": "enc"}
    ),
    "a point off the curve": key_set(ONE, OFF_CURVE),
    "a coordinate too short": key_set(ONE, {**member(EC_KEY, "e1"), "x": part(bytes(31))}),
    "a number missing": key_set({"kty": "RSA", "kid": "r1", "e": "AQAB"}),
    "a number not base64url": key_set({**ONE, "n": "!" * 400}),
    "only keys that cannot be used": key_set(member(RSA_KEY, "r1", use="enc")),
}


@pytest.mark.parametrize("data", REFUSED_SETS.values(), ids=REFUSED_SETS.keys())
def test_a_set_that_is_not_to_be_trusted_is_refused_whole(data: bytes) -> None:
    with pytest.raises(ValueError):
        keys_from_set(data, BOTH)


def test_a_set_may_be_as_large_as_said_and_no_larger() -> None:
    room = MOST_BYTES - len(key_set({**ONE, "x": ""}))
    assert keys_from_set(key_set({**ONE, "x": "A" * room}), BOTH)
    with pytest.raises(ValueError, match="at most"):
        keys_from_set(key_set({**ONE, "x": "A" * (room + 1)}), BOTH)


def weak(bits: int, exponent: int = 65_537) -> dict[str, Any]:
    return {
        **member(RSA_KEY, "x"),
        "n": part(((1 << bits) - 1).to_bytes(bits // 8, "big")),
        "e": part(exponent.to_bytes(4, "big")),
    }


LEFT_OUT = {
    "RSA of 1,024 bits": weak(1024),
    "RSA of 2,040 bits": weak(2040),
    "RSA of 8,192 bits": weak(8192),
    "RSA with the exponent 1": weak(2048, 1),
    "RSA with the exponent 3": weak(2048, 3),
    "P-384": member(ec.generate_private_key(ec.SECP384R1()), "x"),
    "P-521": member(ec.generate_private_key(ec.SECP521R1()), "x"),
    "secp256k1": member(ec.generate_private_key(ec.SECP256K1()), "x"),
    "Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": part(bytes(32)), "kid": "x"},
    "of a kind nobody knows": {"kty": "PQC", "kid": "x"},
    "a kind that is a list": {"kty": ["RSA"], "kid": "x"},
    "for encryption": member(OTHER_RSA, "x", use="enc"),
    "for RS512": member(OTHER_RSA, "x", alg="RS512"),
    "for HS256": member(OTHER_RSA, "x", alg="HS256"),
    "not for verifying": member(OTHER_RSA, "x", key_ops=["encrypt"]),
}


@pytest.mark.parametrize("other", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_key_that_cannot_be_used_is_left_out_and_the_others_stay(other: dict[str, Any]) -> None:
    assert set(keys_from_set(key_set(ONE, other), BOTH)) == {"r1"}


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r1"), ("ES256", "e1")])
def test_only_keys_for_an_algorithm_that_was_allowed_are_taken(algorithm: str, kid: str) -> None:
    assert set(keys_from_set(SET, (algorithm,))) == {kid}


def test_nothing_of_a_set_is_logged(caplog: Any) -> None:
    with caplog.at_level(logging.DEBUG, "veriaidpo_gateway"):
        keys_from_set(key_set(ONE, weak(1024)), BOTH)
    assert caplog.records
    assert ONE["n"] not in caplog.text


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.sampled_from(["RSA", "EC", "P-256"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["keys", "kty", "kid", "n", "e", "x", "y", "crv", "use"]), inner
            )
        ),
        max_leaves=20,
    )
)
def test_any_set_is_taken_or_refused_in_one_way(found: Any) -> None:
    for data in (found, {"keys": found}, {"keys": [found]}, {"keys": [{**ONE, "kid": "z"}, found]}):
        with contextlib.suppress(ValueError):
            keys_from_set(json.dumps(data).encode(), BOTH)
