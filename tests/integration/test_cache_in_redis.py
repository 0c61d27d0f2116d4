"""Results in a real Redis: what is written there, and what a dead one costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from veriaidpo_gateway.classification.cache import Cache, RedisEntries
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.redis.store import Store, connect
from veriaidpo_gateway.settings import CacheSettings

QUESTION = {
    "tenant": "cty-x",
    "model": "principles-vi",
    "revision": "r1",
    "normaliser": "1",
    "text": "Nguyễn Văn A mua hàng",
}
ANSWER = Inference(1, (0.25, 0.75), truncated=False, revision="r1")


@pytest.fixture
async def store(redis_process: Any) -> AsyncIterator[Store]:
    opened = connect(redis_process.settings)
    yield opened
    await opened.close()


@pytest.fixture
def cache(store: Store) -> Cache:
    return Cache(CacheSettings(key=b"k" * 32, ttl=3600), RedisEntries(store))


async def test_replicas_find_each_others_results(cache: Cache, redis_process: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    other = connect(redis_process.settings)
    replica = Cache(CacheSettings(key=b"k" * 32), RedisEntries(other))
    assert await replica.get(replica.key(**QUESTION), labels=2) == ANSWER
    await other.close()


async def test_nothing_of_the_text_the_tenant_or_the_model_is_in_redis(
    cache: Cache, store: Store, redis: Any
) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    (key,) = await redis.keys("*")
    everything = repr(key) + repr(await redis.get(key))
    for word in ("Nguyễn", "cty-x", "mua", "principles"):
        assert word not in everything.encode().decode("unicode-escape")
    assert 3590 < await redis.ttl(key) <= 3600


@pytest.mark.parametrize("value", [b"", b"garbage", b'{"category_id": 1}', b"\x80\x04K\x01.", b"0" * 200])
async def test_what_somebody_else_wrote_there_is_a_miss(
    cache: Cache, store: Store, value: bytes, redis: Any
) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    (key,) = await redis.keys("*")
    await redis.set(key, value)
    assert await cache.get(cache.key(**QUESTION), labels=2) is None


async def test_a_key_of_another_type_is_a_miss(cache: Cache, store: Store, redis: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    (key,) = await redis.keys("*")
    await redis.delete(key)
    await redis.rpush(key, "x")
    assert await cache.get(cache.key(**QUESTION), labels=2) is None


@pytest.mark.parametrize("how", ["killed", "silent"])
async def test_a_dead_redis_is_a_miss_and_late_by_one_timeout(
    cache: Cache, redis_process: Any, loop_lag: list[float], how: str
) -> None:
    key = cache.key(**QUESTION)
    await cache.put(key, ANSWER)
    redis_process.kill() if how == "killed" else redis_process.silence()
    first = await seconds(cache, key)
    later = [await seconds(cache, key) for _ in range(50)]
    lag = max(loop_lag, default=0)
    assert first < 0.060 + lag
    assert max(later) < 0.010 + lag


async def test_many_at_once_are_late_by_one_timeout_too(
    cache: Cache, redis_process: Any, loop_lag: list[float]
) -> None:
    key = cache.key(**QUESTION)
    await cache.put(key, ANSWER)
    redis_process.silence()
    started = time.monotonic()
    answers = await asyncio.gather(*(cache.get(key, labels=2) for _ in range(50)))
    assert answers == [None] * 50
    assert time.monotonic() - started < 0.1 + max(loop_lag, default=0)


async def test_a_full_redis_refuses_and_loses_nothing_else(cache: Cache, store: Store, redis: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    await redis.config_set("maxmemory", "1")
    await cache.put(cache.key(**{**QUESTION, "text": "b"}), ANSWER)
    await redis.config_set("maxmemory", "0")


async def seconds(cache: Cache, key: str) -> float:
    started = time.monotonic()
    assert await cache.get(key, labels=2) is None
    return time.monotonic() - started


async def test_something_of_another_kind_under_a_key_is_a_miss_and_redis_is_still_there(
    cache: Cache, store: Store, redis: Any
) -> None:
    await redis.rpush("veriaidpo:result:" + cache.key(**QUESTION), "an", "entry")
    assert await cache.get(cache.key(**QUESTION), labels=2) is None
    assert not store.away


async def test_a_full_redis_keeps_nothing_new_and_still_answers(
    cache: Cache, store: Store, redis: Any
) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")
    other = cache.key(**{**QUESTION, "text": "câu khác"})
    await cache.put(other, ANSWER)
    assert await cache.get(other, labels=2) is None
    assert await cache.get(cache.key(**QUESTION), labels=2) == ANSWER
    assert not store.away
    await redis.config_set("maxmemory", "0")
    await cache.put(other, ANSWER)
    assert await cache.get(other, labels=2) == ANSWER
