"""How published keys are kept: when they are fetched, who waits for it, and what stays when it fails."""

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.identity import keyring
from veriaidpo_gateway.identity.jwks import keys_from_set
from veriaidpo_gateway.identity.keyring import EVERY, EVERY_AT_FIRST, RemoteKeys, key_ring
from veriaidpo_gateway.identity.keys import Keys
from veriaidpo_gateway.settings import from_environment
from veriaidpo_gateway.token_settings import TokenSettings

PUBLIC = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)


def set_of(*kids: str) -> bytes:
    return json.dumps({"keys": [{**PUBLIC, "kid": kid} for kid in kids]}).encode()


def parse(data: bytes) -> Keys:
    return keys_from_set(data, ("ES256",))


class Issuer:
    """Publishes a set, or fails; `gate` holds its answer back."""

    def __init__(self, *kids: str) -> None:
        self.answer: bytes | Exception = set_of(*kids)
        self.fetches = 0
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> bytes:
        self.fetches += 1
        self.asked.set()
        answer = self.answer
        await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=1000.0)


@pytest.fixture
async def issuer() -> Issuer:
    return Issuer("a")


@pytest.fixture
async def remote(issuer: Issuer, clock: Any) -> RemoteKeys:
    opened = RemoteKeys(issuer, parse, clock=lambda: clock.now)
    await opened.refresh()
    return opened


async def test_a_hundred_unknown_names_cause_one_fetch_a_minute(
    remote: RemoteKeys, issuer: Issuer, clock: Any
) -> None:
    await asyncio.gather(*(remote.know(f"nobody{i}") for i in range(50)))
    for i in range(50):
        await remote.know(f"nobody{i}")
    assert issuer.fetches == 2
    clock.now += EVERY - 0.1
    await remote.know("nobody")
    assert issuer.fetches == 2
    clock.now += 0.1
    await remote.know("nobody")
    assert issuer.fetches == 3


async def test_a_known_name_causes_none(remote: RemoteKeys, issuer: Issuer) -> None:
    await remote.know("a")
    assert issuer.fetches == 1


async def test_a_new_key_is_there_when_the_first_token_names_it(remote: RemoteKeys, issuer: Issuer) -> None:
    issuer.answer = set_of("a", "b")
    await asyncio.gather(*(remote.know("b") for _ in range(20)))
    assert set(remote.keys) == {"a", "b"}
    assert issuer.fetches == 2


async def test_who_comes_during_a_fetch_that_began_too_early_gets_one_more(
    remote: RemoteKeys, issuer: Issuer
) -> None:
    issuer.gate.clear()
    issuer.asked.clear()
    early = asyncio.create_task(remote.refresh())
    await issuer.asked.wait()
    issuer.answer = set_of("a", "b")
    waiting = asyncio.create_task(remote.know("b"))
    await asyncio.sleep(0)
    issuer.gate.set()
    await asyncio.gather(early, waiting)
    assert "b" in remote.keys


async def test_a_caller_that_goes_away_takes_the_fetch_from_nobody_else(
    remote: RemoteKeys, issuer: Issuer
) -> None:
    issuer.answer = set_of("b")
    issuer.gate.clear()
    issuer.asked.clear()
    first, second = (asyncio.create_task(remote.know("b")) for _ in range(2))
    await issuer.asked.wait()
    await asyncio.sleep(0)
    first.cancel()
    issuer.gate.set()
    await second
    assert set(remote.keys) == {"b"}


async def test_a_key_that_is_published_no_more_is_believed_no_more(
    remote: RemoteKeys, issuer: Issuer
) -> None:
    issuer.answer = set_of("b")
    await remote.refresh()
    assert set(remote.keys) == {"b"}


@pytest.mark.parametrize(
    "answer",
    [
        aiohttp.ClientConnectionError("no"),
        aiohttp.SocketTimeoutError("late"),
        OSError("no"),
        TimeoutError(),
        aiohttp.InvalidURL("no"),
        RuntimeError("nobody thought of it"),
        ValueError("the answer is a 500"),
        b"<html>",
        b'{"keys": []}',
        set_of("b", "b"),
        json.dumps({"keys": [{**PUBLIC, "kid": "b"}, {"kty": "oct", "kid": "s", "k": "c2VjcmV0"}]}).encode(),
        set_of(*(f"{i:0200d}" for i in range(250))),
    ],
)
async def test_the_last_good_set_stays(remote: RemoteKeys, issuer: Issuer, caplog: Any, answer: Any) -> None:
    issuer.answer = answer
    await remote.refresh()
    assert set(remote.keys) == {"a"}
    assert "kept the last good key set" in caplog.text
    assert "c2VjcmV0" not in caplog.text
    issuer.answer = set_of("c")
    await remote.refresh()
    assert set(remote.keys) == {"c"}


async def test_an_issuer_that_never_answers_is_waited_for_only_so_long(
    remote: RemoteKeys, issuer: Issuer, monkeypatch: Any
) -> None:
    monkeypatch.setattr(keyring, "PATIENCE", 0.05)
    issuer.gate.clear()
    async with asyncio.timeout(5):
        await remote.know("b")
    assert (set(remote.keys), remote.fresh) == ({"a"}, False)


async def test_health_tells_how_the_keys_are(issuer: Issuer) -> None:
    remote = RemoteKeys(issuer, parse)
    ring = keyring.KeyRing(dict, lambda: remote.keys, remote)
    states = [ring.state()]
    for answer in (set_of("a"), OSError("gone"), set_of("a")):
        issuer.answer = answer
        await remote.refresh()
        states.append(ring.state())
    assert [state["status"] for state in states] == ["unhealthy", "healthy", "degraded", "healthy"]
    assert key_ring(TokenSettings(secret="s" * 32)).state() == {"status": "healthy", "kind": "embedded"}


async def test_until_the_first_good_set_it_is_asked_for_more_often(issuer: Issuer) -> None:
    issuer.answer = OSError("not yet")
    remote = RemoteKeys(issuer, parse)
    await remote.refresh()
    assert (remote.loaded, remote.every) == (False, EVERY_AT_FIRST)
    issuer.answer = set_of("a")
    await remote.refresh()
    assert (remote.loaded, remote.every) == (True, EVERY)


def test_a_mounted_set_is_followed_and_a_broken_one_changes_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(set_of("a"))
    monkeypatch.setattr(keyring, "Followed", partial(Followed, every=0))
    ring = key_ring(TokenSettings(algorithms=("ES256",), jwks_file=file))
    assert (set(ring()), ring.remote, ring.complete) == ({"a"}, None, True)
    for data, known in ((set_of("a", "b"), {"a", "b"}), (b"{", {"a", "b"}), (set_of("c"), {"c"})):
        swap(file, data)
        assert set(ring()) == known


def swap(file: Path, data: bytes) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(data)
    os.replace(new, file)  # noqa: PTH105


def test_secrets_and_published_keys_are_one_ring(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(set_of("a", "both"))
    secret = json.dumps({"h": "s" * 32, "both": "t" * 32})
    ring = key_ring(TokenSettings(algorithms=("ES256", "HS256"), secret=secret, jwks_file=file))
    assert {kid: key.algorithm for kid, key in ring().items()} == {
        "a": "ES256",
        "h": "HS256",
        "both": "HS256",
    }


def test_without_hs256_a_secret_is_nobodys_key(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(set_of("a"))
    environment = {
        "JWT_ALGORITHM": "ES256",
        "JWKS_FILE": str(file),
        "JWT_SECRET_KEY": "s" * 32,
        "ROUTES_FILE": "/r",
    }
    assert set(key_ring(from_environment(environment).tokens)()) == {"a"}


@pytest.mark.parametrize("data", [None, b"", b"{}", set_of("a", "a")])
def test_a_broken_file_at_the_start_is_said_at_the_start(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "jwks.json"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(InvalidSettingsError, match="JWKS_FILE"):
        key_ring(TokenSettings(algorithms=("ES256",), jwks_file=file))
