"""A real Redis that answers, and refuses: it only reads, lost its primary, or may not be written to by us."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import jwt
import pytest

from veriaidpo_gateway.store import Store, StoreAwayError, connect

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
    opened = connect(redis_process.url, patience=2.0)
    yield opened
    await opened.close()


async def tell(store: Store, commands: tuple[tuple[str, ...], ...]) -> None:
    for command in commands:
        await store.redis.execute_command(*command)  # type: ignore[no-untyped-call]


async def written(store: Store) -> bool:
    with suppress(StoreAwayError):
        await store.ask(lambda: store.redis.set("veriaidpo:x", b"1"), writes=True)
        return True
    return False


async def read(store: Store) -> bool:
    with suppress(StoreAwayError):
        await store.ask(lambda: store.redis.get("veriaidpo:x"))
        return True
    return False


@pytest.mark.parametrize("way", WAYS)
async def test_a_redis_that_takes_nothing_is_away_until_it_takes_something(
    store: Store, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.INFO, "veriaidpo_gateway.store")
    refused: list[str] = []
    store.refused = refused.append
    assert await written(store)
    await tell(store, WAYS[way])
    for _ in range(2):
        assert not await written(store)
        await read(store)
        assert store.away
        assert not await store.answers()
        await asyncio.sleep(PAUSE)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["redis is away"]
    assert len(refused) >= 2
    await tell(store, BACK)
    await asyncio.sleep(PAUSE)
    assert await read(store)
    assert await written(store)
    assert not store.away
    assert await store.answers()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "redis is away",
        "redis is back",
    ]


async def test_a_replica_that_only_reads_is_read_and_not_asked_to_write_meanwhile(store: Store) -> None:
    assert await written(store)
    await tell(store, WAYS["a replica that only reads"])
    refused: list[str] = []
    store.refused = refused.append
    assert [await written(store) for _ in range(20)] == [False] * 20
    assert refused == ["ReadOnlyError"]
    assert await read(store)


async def test_it_is_seen_in_health_and_counted(redis_process: Any) -> None:
    claims = {"sub": "u", "role": "admin", "tenant_id": "t1", "jti": "own", "exp": int(time.time()) + 600}
    sent = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with whole_gateway(store=connect(redis_process.url, patience=2.0), headers=sent) as gateway:
        other = connect(redis_process.url)
        await tell(other, WAYS["a replica that only reads"])
        await other.close()
        said = await gateway.public.post("/revocations", json={"jti": "leaked"})
        health = (await gateway.public.get("/health")).json()
        metrics = (await gateway.inner.get("/metrics")).text
    assert said.status_code == 202
    assert health["components"]["cache"]["status"] == "degraded"
    assert "veriaidpo_gateway_redis_up 0.0" in metrics
    assert 'veriaidpo_gateway_redis_refused_total{error="ReadOnlyError"}' in metrics
