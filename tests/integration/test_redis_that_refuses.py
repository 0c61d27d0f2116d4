"""A real Redis that answers, and refuses: it only reads, lost its primary, or may not be written to by us."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import jwt
import pytest

from veriaidpo_gateway.redis.store import Store, StoreAwayError, connect

from .gateway_process import SECRET
from .whole_gateway import whole_gateway

PAUSE = 1.1
"""Seconds after which a breaker lets one call try."""

WAYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "a replica that only reads": (("REPLICAOF", "127.0.0.1", "1"),),
    "a replica without its primary": (
        ("CONFIG", "SET", "replica-serve-stale-data", "no"),
        ("REPLICAOF", "127.0.0.1", "1"),
    ),
    "a user who may not write": (("ACL", "SETUSER", "default", "-set"),),
}
BACK = (("REPLICAOF", "NO", "ONE"), ("ACL", "SETUSER", "default", "+set"))


@pytest.fixture
async def store(redis_process: Any) -> AsyncIterator[Store]:
    opened = connect(redis_process.settings, patience=2.0)
    yield opened
    await opened.close()


async def tell(redis: Any, commands: tuple[tuple[str, ...], ...]) -> None:
    for command in commands:
        await redis.execute_command(*command)


async def written(store: Store) -> bool:
    with suppress(StoreAwayError):
        await store.ask("SET", "veriaidpo:x", b"1", writes=True)
        return True
    return False


async def read(store: Store) -> bool:
    with suppress(StoreAwayError):
        await store.ask("GET", "veriaidpo:x")
        return True
    return False


@pytest.mark.parametrize("way", WAYS)
async def test_a_redis_that_takes_nothing_is_away_until_it_takes_something(
    store: Store, redis: Any, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.INFO, "veriaidpo_gateway.redis.store")
    refused: list[str] = []
    store.refused = refused.append
    assert await written(store)
    await tell(redis, WAYS[way])
    for _ in range(2):
        assert not await written(store)
        await read(store)
        assert store.away
        assert not await store.answers()
        await asyncio.sleep(PAUSE)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["redis is away"]
    assert len(refused) >= 2
    await tell(redis, BACK)
    await asyncio.sleep(PAUSE)
    assert await read(store)
    assert await written(store)
    assert not store.away
    assert await store.answers()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "redis is away",
        "redis is back",
    ]


async def test_a_replica_that_only_reads_is_read_and_not_asked_to_write_meanwhile(
    store: Store, redis: Any
) -> None:
    assert await written(store)
    await tell(redis, WAYS["a replica that only reads"])
    refused: list[str] = []
    store.refused = refused.append
    assert [await written(store) for _ in range(20)] == [False] * 20
    assert refused == ["READONLY"]
    assert await read(store)


async def test_it_is_seen_in_health_and_counted(redis_process: Any, redis: Any) -> None:
    claims = {"sub": "u", "role": "admin", "tenant_id": "t1", "jti": "own", "exp": int(time.time()) + 600}
    sent = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with whole_gateway(store=connect(redis_process.settings, patience=2.0), headers=sent) as gateway:
        await tell(redis, WAYS["a replica that only reads"])
        said = await gateway.public.post("/revocations", json={"jti": "leaked"})
        health = (await gateway.public.get("/health")).json()
        metrics = (await gateway.inner.get("/metrics")).text
    assert said.status_code == 202
    assert health["components"]["cache"]["status"] == "degraded"
    assert "veriaidpo_gateway_redis_up 0.0" in metrics
    assert 'veriaidpo_gateway_redis_refused_total{error="READONLY"}' in metrics


async def test_one_that_is_full_is_read_on_and_says_so_until_it_takes_something(
    store: Store, redis: Any
) -> None:
    assert await written(store)
    await redis.config_set("maxmemory", "1")
    try:
        assert not await written(store)
        assert await read(store)
        assert not store.away
        assert not await store.answers()
    finally:
        await redis.config_set("maxmemory", "0")
    assert await written(store)
    assert await store.answers()
