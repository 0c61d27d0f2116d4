"""Tokens taken back on one replica, as the others see it, whatever becomes of Redis meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest

from veriaidpo_gateway.identity import revocations
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.revocations import KEY, Revocations
from veriaidpo_gateway.redis.store import connect
from veriaidpo_gateway.settings import RedisSettings

from .gateway_process import SECRET
from .whole_gateway import Replica, until, whole_gateway

DAY = 86_400


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Replica]:
    # Patient: this machine may be busy with something else.
    async with whole_gateway(store=connect(RedisSettings(url), patience=0.5)) as gateway:
        yield gateway.public


def bearer(role: str, jti: str, tenant: str = "t1") -> dict[str, str]:
    claims = {"sub": "u", "role": role, "tenant_id": tenant, "jti": jti, "exp": int(time.time()) + 600}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


async def revoke(replica: Replica, jti: str) -> httpx.Response:
    return await replica.post("/revocations", json={"jti": jti}, headers=bearer("admin", "admins"))


async def believed(replica: Replica, jti: str) -> bool:
    answer = await replica.get("/model-status", headers=bearer("dpo", jti))
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def refused(replica: Replica, jti: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return not await believed(replica, jti)

    return condition


@pytest.fixture
async def replica(redis_process: Any) -> AsyncIterator[Callable[[], Awaitable[Replica]]]:
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(running(redis_process.url))


async def test_every_replica_refuses_it_within_five_seconds(replica: Any) -> None:
    one, two = await replica(), await replica()
    assert await believed(two, "j")
    answer = await revoke(one, "j")
    assert (answer.status_code, answer.json()["shared"]) == (200, True)
    assert not await believed(one, "j")
    await until(refused(two, "j"))
    assert await believed(two, "other")


async def test_a_new_replica_refuses_it_from_its_first_request(replica: Any) -> None:
    await revoke(await replica(), "j")
    assert not await believed(await replica(), "j")


async def test_redis_killed_and_started_empty_brings_no_token_back(replica: Any, redis_process: Any) -> None:
    one, two = await replica(), await replica()
    await revoke(one, "before")
    await until(refused(two, "before"))
    redis_process.kill()
    assert not await believed(one, "before")
    assert not await believed(two, "before")
    answer = await revoke(one, "meanwhile")
    assert (answer.status_code, answer.json()["shared"]) == (202, False)
    assert not await believed(one, "meanwhile")
    redis_process.start()
    await until(refused(two, "meanwhile"))
    # Redis has both again: a replica that knew neither is told.
    third = await replica()
    assert not await believed(third, "before")
    assert not await believed(third, "meanwhile")


async def test_a_redis_that_was_only_silent_is_told_what_it_missed(replica: Any, redis_process: Any) -> None:
    one, two = await replica(), await replica()
    await revoke(one, "before")
    await until(refused(two, "before"))
    redis_process.silence()
    answer = await revoke(one, "meanwhile")
    assert answer.status_code == 202
    redis_process.wake()
    await until(refused(two, "meanwhile"))


@pytest.fixture
async def open_set(redis_process: Any) -> AsyncIterator[Callable[[], Revocations]]:
    async with AsyncExitStack() as stack:

        def open_one() -> Revocations:
            store = connect(redis_process.settings, patience=2.0)
            stack.push_async_callback(store.close)
            return Revocations(store, longest=DAY)

        yield open_one


def of(jti: str) -> Caller:
    return Caller("u", "staff", "t1", jti=jti)


async def test_no_name_is_in_redis_and_the_key_ends(open_set: Any, redis: Any) -> None:
    one = open_set()
    await one.revoke("cty-x", "a-token-id", int(time.time()) + 60)
    everything = repr(await redis.hgetall(KEY))
    assert "cty-x" not in everything
    assert "a-token-id" not in everything
    assert 0 < await redis.ttl(KEY) <= DAY + 2 * revocations.CLOCKS


async def test_two_that_write_at_once_lose_neither(open_set: Any) -> None:
    one, two = open_set(), open_set()
    now = int(time.time())
    for i in range(20):
        await asyncio.gather(
            one.revoke("t1", f"a{i}", now + 60),
            two.revoke("t1", f"b{i}", now + 60),
            one.refresh(),
            two.refresh(),
        )
    for _ in range(2):
        await one.refresh()
        await two.refresh()
    for revocation in (one, two):
        assert all(revocation.revoked(of(f"{name}{i}")) for name in "ab" for i in range(20))


async def test_the_later_end_reaches_everybody(open_set: Any, redis: Any) -> None:
    one, two = open_set(), open_set()
    now = int(time.time())
    await one.revoke("t1", "j", now + 3600)
    await two.revoke("t1", "j", now + 60)  # before it knew of the other
    for revocation in (one, two, one, two):
        await revocation.refresh()
    ends = [int(value) for name, value in (await redis.hgetall(KEY)).items() if b":" in name]
    assert ends == [now + 3600 + revocations.CLOCKS]
    assert one._until == two._until


async def test_nothing_is_asked_for_twice(open_set: Any, redis: Any) -> None:
    """A poll that finds nothing new costs one small answer, however much is revoked."""
    one, two = open_set(), open_set()
    await one.revoke("t1", "j", int(time.time()) + 60)
    await two.refresh()
    await two.refresh()
    before = (await redis.info("commandstats"))["cmdstat_hscan"]["calls"]
    for _ in range(5):
        await two.refresh()
    assert (await redis.info("commandstats"))["cmdstat_hscan"]["calls"] == before == 1


async def test_many_are_exchanged_a_part_at_a_time(open_set: Any, redis: Any) -> None:
    """20,000 of five tenants, after Redis came back empty: others get their turn between the parts."""
    known, new = open_set(), open_set()
    end = int(time.time()) + 3600
    known._until = {revocations._name(f"t{i % 5}", f"j{i}"): end for i in range(20_000)}
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(somebody_else())
    await known.refresh()
    given, turns = turns, 0
    await new.refresh()
    task.cancel()
    assert new._until == known._until
    assert min(given, turns) >= 20
    stats = await redis.info("commandstats")
    assert (stats["cmdstat_hset"]["calls"], stats["cmdstat_hscan"]["calls"] >= 20) == (20, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [("junk", "1"), ("a:b", "x"), ("0" * 16 + ":" + "0" * 32, "9" * 11), ("0" * 16 + ":" + "0" * 32, "-1")],
)
async def test_what_no_gateway_wrote_is_not_there(open_set: Any, field: str, value: str, redis: Any) -> None:
    one = open_set()
    await redis.hset(KEY, mapping={"changed": "x", field: value})
    await one.refresh()
    assert not one._until


async def test_what_has_ended_is_removed_there_too(open_set: Any, redis: Any) -> None:
    one = open_set()
    old = "0" * 16 + ":" + "0" * 32
    await redis.hset(KEY, mapping={"changed": "x", old: str(int(time.time()) - 1)})
    await one.refresh()
    assert await redis.hexists(KEY, old) is False
