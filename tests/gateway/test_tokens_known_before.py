"""A token that was good a moment ago: its signature is believed again, and everything else checked again."""

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import jwt
import pytest
from jose import jwt as jose_jwt

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.identity import tokens
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.keys import Keys, keys_from
from veriaidpo_gateway.identity.verified import Verified
from veriaidpo_gateway.token_settings import TokenSettings

from .conftest import SECRET

NOW = int(time.time())
OTHER = "another secret of thirty-two bytes"


def token(*, secret: str = SECRET, **claims: Any) -> str:
    said = {"sub": "u1", "role": "staff", "tenant_id": "t1", "exp": NOW + 600, **claims}
    return jwt.encode(said, secret, "HS256")


class Gateway:
    """Verifies as one gateway does, call after call."""

    def __init__(self, known: Verified) -> None:
        self.known = known
        self.keys: Keys = keys_from(SECRET.encode())
        self.revoked: set[str | None] = set()
        self.now = float(NOW)

    def caller(self, written: str) -> Caller:
        return tokens.verify(
            f"Bearer {written}",
            self.keys,
            TokenSettings(secret=SECRET),
            self.now,
            revoked=lambda caller: caller.jti in self.revoked,
            known=self.known,
        )

    def refuses(self, written: str) -> bool:
        try:
            self.caller(written)
        except GatewayError as error:
            return error.status == 401
        return False


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(Verified())


@pytest.fixture
def signatures() -> Iterator[Any]:
    with patch.object(jose_jwt, "decode", side_effect=jose_jwt.decode) as checked:
        yield checked


def test_a_signature_is_checked_once(gateway: Gateway, signatures: Any) -> None:
    written = token(permissions=["a"], jti="j")
    callers = {gateway.caller(written) for _ in range(5)}
    assert callers == {Caller("u1", "staff", "t1", ("a",), "j")}
    assert signatures.call_count == 1


def test_it_ends_when_it_ends(gateway: Gateway) -> None:
    written = token()
    gateway.caller(written)
    gateway.now = NOW + 599.9
    gateway.caller(written)
    gateway.now = NOW + 600
    assert gateway.refuses(written)


@pytest.mark.parametrize("claims", [{"nbf": NOW}, {"iat": NOW}, {}])
def test_a_clock_that_is_set_back_makes_it_early_again(gateway: Gateway, claims: dict[str, Any]) -> None:
    written = token(**claims)
    gateway.caller(written)
    gateway.now = NOW - 90_000
    assert gateway.refuses(written)


def test_a_revocation_counts_at_once(gateway: Gateway) -> None:
    written = token(jti="leaked")
    gateway.caller(written)
    gateway.revoked.add("leaked")
    assert gateway.refuses(written)


def test_a_key_that_is_gone_refuses_at_once_and_one_that_is_back_is_believed(gateway: Gateway) -> None:
    written = token()
    gateway.caller(written)
    before, gateway.keys = gateway.keys, keys_from(OTHER.encode())
    assert gateway.refuses(written)
    gateway.keys = before
    gateway.caller(written)


def test_another_secret_of_the_same_name_is_another_key(gateway: Gateway) -> None:
    old, new = token(), token(secret=OTHER)
    gateway.caller(old)
    gateway.keys = keys_from(OTHER.encode())
    gateway.caller(new)
    assert gateway.refuses(old)


def test_one_that_was_refused_is_not_known(gateway: Gateway, signatures: Any) -> None:
    written = token(secret=OTHER)
    assert gateway.refuses(written)
    assert gateway.refuses(written)
    assert signatures.call_count == 2


def test_only_the_very_same_token_is_known(gateway: Gateway) -> None:
    written = token()
    gateway.caller(written)
    for changed in (written[:-1] + ("A" if written[-1] != "A" else "E"), written + "=", written.lower()):
        assert gateway.refuses(changed)


def test_no_more_are_kept_than_so_many(signatures: Any) -> None:
    gateway = Gateway(Verified(most=3))
    written = [token(sub=f"u{i}") for i in range(4)]
    for one in written:
        gateway.caller(one)
    assert len(gateway.known._kept) == 3
    gateway.caller(written[3])
    assert signatures.call_count == 4
    gateway.caller(written[0])
    assert signatures.call_count == 5
