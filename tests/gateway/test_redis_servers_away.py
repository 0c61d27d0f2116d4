"""Servers of Redis that do not answer: each is away alone, and no caller waits for one after the other."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pytest

from veriaidpo_gateway.redis.link import Command, Replies
from veriaidpo_gateway.redis.store import HURRY, PATIENCE, Store, StoreAwayError


class Servers:
    """One server for each first letter of a key; those of `silent` never answer."""

    def __init__(self, silent: str) -> None:
        self.silent, self.there = set(silent), {"a", "b", "c"}

    def call(self, key: str, command: Command) -> Replies:
        answer: Replies = asyncio.get_running_loop().create_future()
        if key[0] not in self.silent:
            answer.set_result([b"1"])
        return answer

    def place(self, key: str) -> str:
        return key[0]

    def places(self) -> Collection[str]:
        return self.there

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        pass

    def doubt(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def tries(store: Store, key: str) -> bool:
    with suppress(StoreAwayError):
        return bool(await store.ask("GET", key) == b"1")
    return False


async def test_a_caller_who_waited_for_one_server_hardly_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []

    class Noting:
        def __init__(self, answer: Any, seconds: float, give_up: Any) -> None:
            given.append(seconds)

        async def wait(self) -> Any:
            raise TimeoutError

    monkeypatch.setattr("veriaidpo_gateway.redis.store.Patience", Noting)
    store = Store(Servers("abc"))
    assert [await tries(store, key) for key in ("a1", "b1", "c1")] == [False] * 3
    assert given == [PATIENCE, HURRY, HURRY]
    await asyncio.create_task(tries(store := Store(Servers("abc")), "a1"))
    assert given[-1] == PATIENCE  # somebody else has all of it


async def test_a_server_that_is_away_is_away_alone(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(servers := Servers("a"), patience=0.02)
    assert not await tries(store, "a1")
    assert [await tries(store, key) for key in ("b1", "c1", "b2")] == [True] * 3
    assert store.away
    began = time.monotonic()
    assert not await tries(store, "a2")
    assert time.monotonic() - began < 0.02  # is not asked
    assert [record.message.partition(":")[0] for record in caplog.records] == ["redis is away"]
    servers.there -= {"a"}  # its slots are another's now
    assert not store.away
