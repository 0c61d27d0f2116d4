"""A store in front of a Redis of a test, and whether it reaches it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from veriaidpo_gateway.classification.cache import Cache, RedisEntries
from veriaidpo_gateway.classification.forgetting import Forgotten
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.revocations import Revocations
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.redis.store import Store, StoreAwayError, connect
from veriaidpo_gateway.settings import CacheSettings, LimitSettings, RedisSettings

QUESTION = {"tenant": "t", "model": "m", "revision": "r1", "normaliser": "1"}
ANSWER = Inference(1, (0.25, 0.75), truncated=False, revision="r1")
LATEST = 0.060
"""Seconds that a call may be late for Redis's sake."""


@asynccontextmanager
async def store_of(settings: RedisSettings, patience: float = 2.0) -> AsyncIterator[Store]:
    # Patient, where it is not the waiting that is tested: this machine may be busy with something else.
    store = connect(settings, patience=patience)
    try:
        yield store
    finally:
        await store.close()


async def works(store: Store) -> bool:
    """All that the gateway uses Redis for."""
    cache = Cache(CacheSettings(key=b"k" * 32), RedisEntries(store))
    names = [cache.key(**QUESTION, text=str(i)) for i in range(20)]
    for name in names:
        await cache.put(name, ANSWER)
    found = [await cache.get(name, labels=2) for name in names]
    limits = Limits(LimitSettings(per_user=3, per_tenant=100, characters_per_user=5_000), store)
    callers = [Caller(f"u{i}", "staff", f"t{i}") for i in range(20)]
    taken = [await limits.take(caller) for caller in callers]
    await limits.take_text(callers[0], "x" * 10)
    one, two = (Revocations(store, longest=600) for _ in range(2))
    await one.revoke("t", "leaked", int(time.time()) + 60)
    await two.refresh()
    revoked = two.revoked(Caller("u", "staff", "t", jti="leaked"))
    forgets, learns = (Forgotten(store, ttl=60) for _ in range(2))
    await forgets.forget("t")
    await learns.refresh()
    forgotten = learns.cached_as("t") == forgets.cached_as("t") != "t"
    counted = all(one is not None and one.remaining == 2 for one in taken)
    return found == [ANSWER] * 20 and counted and revoked and forgotten and not store.away


async def is_back(store: Store, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not await reaches(store):  # noqa: ASYNC110  the breaker tells nobody
            await asyncio.sleep(0.05)


async def reaches(store: Store) -> bool:
    with contextlib.suppress(StoreAwayError):
        await store.ask("SET", "veriaidpo:x", b"1", writes=True)
        return True
    return False


async def latest_while(
    store: Store, loop_lag: list[float], what: Callable[[], None], *, seconds: float = 3.0
) -> float:
    """Do something to Redis while calls go on; by how much the latest of them was late, our own lag aside."""
    cache = Cache(CacheSettings(key=b"k" * 32), RedisEntries(store))
    limits = Limits(LimitSettings(per_user=0, per_tenant=1_000_000), store)
    taking: list[float] = []

    async def call(i: int) -> None:
        began = time.monotonic()
        await limits.take(Caller(f"u{i}", "staff", f"t{i % 7}"))
        taking.append(time.monotonic() - began)
        began = time.monotonic()
        await cache.get(cache.key(**QUESTION, text=str(i)), labels=2)
        taking.append(time.monotonic() - began)

    ends = time.monotonic() + seconds
    done = asyncio.create_task(asyncio.to_thread(what))
    i = 0
    while time.monotonic() < ends or not done.done():
        await asyncio.gather(*(call(i + j) for j in range(4)))
        i += 4
        await asyncio.sleep(0.01)
    await done
    return max(taking) - max(loop_lag, default=0.0)
