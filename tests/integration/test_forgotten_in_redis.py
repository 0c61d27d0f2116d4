"""A tenant's cached results are forgotten by every replica, where Redis alone tells them."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from veriaidpo_gateway.classification.forgetting import CLOCKS, KEY, Forgotten
from veriaidpo_gateway.redis.store import Store, connect

TTL = 60


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def store(redis_process: Any) -> AsyncIterator[Store]:
    opened = connect(redis_process.settings)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_what_one_replica_forgot_the_others_learn(store: Any, clock: Clock) -> None:
    one, other = (Forgotten(store, ttl=TTL, clock=clock) for _ in range(2))
    _, everywhere = await one.forget("t1")
    assert everywhere
    await other.refresh()
    assert one.cached_as("t1") == other.cached_as("t1") != "t1"
    assert other.cached_as("t2") == "t2"
    assert b"t1" not in b"".join(await store.ask("HGETALL", KEY))


async def test_what_redis_lost_is_given_back(store: Any, clock: Clock) -> None:
    one, other = (Forgotten(store, ttl=TTL, clock=clock) for _ in range(2))
    await one.forget("t1")
    await store.ask("DEL", KEY, writes=True)
    await other.refresh()
    assert other.cached_as("t1") == "t1"
    await one.refresh()
    await other.refresh()
    assert other.cached_as("t1") == one.cached_as("t1")


async def test_it_is_known_for_as_long_as_a_result_of_before_could_be_there(store: Any, clock: Clock) -> None:
    one = Forgotten(store, ttl=TTL, clock=clock)
    await one.forget("t1")
    clock.now += TTL
    await one.forget("t2")
    await one.refresh()
    assert one.cached_as("t1") != "t1"
    clock.now += CLOCKS + 1
    await one.refresh()
    assert (one.cached_as("t1"), one.cached_as("t2") != "t2") == ("t1", True)
    assert len(await store.ask("HGETALL", KEY)) == 2


async def test_without_redis_only_this_replica_knows_until_it_is_back(
    store: Any, redis_process: Any, clock: Clock
) -> None:
    one, other = (Forgotten(store, ttl=TTL, clock=clock) for _ in range(2))
    redis_process.silence()
    _, everywhere = await one.forget("t1")
    assert not everywhere
    assert one.cached_as("t1") != "t1"
    redis_process.wake()
    ends = time.monotonic() + 10
    while other.cached_as("t1") == "t1" and time.monotonic() < ends:
        await asyncio.sleep(0.2)
        await one.refresh()
        await other.refresh()
    assert other.cached_as("t1") == one.cached_as("t1")
