"""Limits counted by several replicas in one Redis, and what they do while it is away."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.limiting.windows import WINDOW, LocalWindows
from veriaidpo_gateway.redis.store import PATIENCE, connect
from veriaidpo_gateway.settings import LimitSettings

ANNA, BAO = Caller("anna", "staff", "t1"), Caller("bao", "staff", "t1")

OpenReplica = Callable[..., Limits]


@pytest.fixture
async def replica(redis_process: Any) -> AsyncIterator[OpenReplica]:
    """Open the limits of one more replica."""
    async with AsyncExitStack() as stack:

        def open_one(patience: float = 2.0, **settings: Any) -> Limits:
            # Patient, where it is the counting that is tested: this machine may be busy with something else.
            store = connect(redis_process.settings, patience=patience)
            stack.push_async_callback(store.close)
            return Limits(LimitSettings(**settings), store)

        yield open_one


async def passes(limits: Limits, caller: Caller = ANNA) -> bool:
    try:
        await limits.take(caller)
    except GatewayError:
        return False
    return True


async def passes_with(limits: Limits, text: str) -> bool:
    try:
        await limits.take_text(ANNA, text)
    except GatewayError:
        return False
    return True


async def admitted(limits: Limits, times: int, caller: Caller = ANNA) -> int:
    return sum([await passes(limits, caller) for _ in range(times)])


async def in_one_window(*limits: Limits, each: int) -> tuple[int, float]:
    """Call all at once; how many passed, and how long it took."""
    started = time.monotonic()
    answers = await asyncio.gather(*(passes(one) for one in limits for _ in range(each)))
    return sum(answers), time.monotonic() - started


async def test_a_hundred_at_once_get_exactly_the_limit(replica: OpenReplica) -> None:
    passed, seconds = await in_one_window(replica(per_user=40, per_tenant=0), each=100)
    assert seconds < 1
    assert passed == 40


async def test_replicas_count_together(replica: OpenReplica) -> None:
    replicas = [replica(per_user=40, per_tenant=0, replicas=3) for _ in range(3)]
    passed, seconds = await in_one_window(*replicas, each=40)
    assert seconds < 1
    assert passed == 40


async def test_a_hundred_at_once_get_exactly_so_much_text(replica: OpenReplica) -> None:
    limits = replica(per_user=0, per_tenant=0, characters_per_user=4_000)
    started = time.monotonic()
    passed = sum(await asyncio.gather(*(passes_with(limits, "ă" * 150) for _ in range(100))))
    assert time.monotonic() - started < 1
    assert passed == 4_000 // 150


async def test_a_hundred_users_at_once_get_exactly_their_tenants_limit(replica: OpenReplica) -> None:
    limits = replica(per_user=10, per_tenant=40)
    started = time.monotonic()
    users = [Caller(f"user {number}", "staff", "t1") for number in range(100)]
    passed = sum(await asyncio.gather(*(passes(limits, one) for one in users)))
    assert time.monotonic() - started < 1
    assert passed == 40


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A file in which the tenant of Anna has a smaller plan than everybody."""
    file = tmp_path / "plans.json"
    small = {"userRequests": 12, "userCharacters": 8_000}
    file.write_text(json.dumps({"plans": {"small": small}, "tenants": {ANNA.tenant: "small"}}))
    return file


async def test_a_hundred_at_once_get_exactly_the_limit_of_their_plan(
    replica: OpenReplica, plans: Path
) -> None:
    limits = [replica(per_user=1000, per_tenant=0, plans=plans) for _ in range(2)]
    passed, seconds = await in_one_window(*limits, each=50)
    assert seconds < 1
    assert passed == 12
    stranger = Caller("anna", "staff", "another tenant")
    assert await admitted(limits[0], 20, stranger) == 20


async def test_while_redis_is_away_a_replica_lets_its_share_of_a_plan_through(
    replica: OpenReplica, redis_process: Any, plans: Path
) -> None:
    limits = replica(PATIENCE, per_user=1000, per_tenant=0, plans=plans, replicas=2)
    redis_process.kill()
    assert await admitted(limits, 20) == 6
    text = "ă" * 1_000
    assert sum([await passes_with(limits, text) for _ in range(10)]) == 4


async def test_something_else_under_a_limits_key_counts_as_nothing(
    replica: OpenReplica, redis_process: Any, redis: Any
) -> None:
    limits = replica(per_user=2, per_tenant=0)
    (limit,) = limits._of(ANNA, calls=1, characters=0)
    await redis.rpush(limit.key, "written by somebody else")
    assert await admitted(limits, 5) == 2


async def test_users_of_a_tenant_share_its_limit(replica: OpenReplica) -> None:
    limits = replica(per_user=6, per_tenant=8)
    assert await admitted(limits, 9) == 6
    assert await admitted(limits, 9, BAO) == 2


async def test_a_refused_call_takes_nothing_from_the_other_limit(
    replica: OpenReplica, redis_process: Any, redis: Any
) -> None:
    limits = replica(per_user=3, per_tenant=1)
    assert await admitted(limits, 5) == 1
    lengths = sorted([await redis.llen(key) for key in await redis.keys("*")])
    assert lengths == [1, 1]


async def test_the_wait_is_true(replica: OpenReplica) -> None:
    limits = replica(per_user=2, per_tenant=0)
    await admitted(limits, 2)
    taken = await limits._take(limits._of(ANNA, calls=1, characters=0))
    assert not taken.admitted
    assert 0 < taken.wait <= WINDOW
    await asyncio.sleep(taken.wait / WINDOW + 0.01)
    assert await passes(limits)


async def test_no_name_is_in_a_key_and_every_key_ends(
    replica: OpenReplica, redis_process: Any, redis: Any
) -> None:
    await admitted(replica(per_user=5, per_tenant=5), 2)
    keys = await redis.keys("*")
    ends = [await redis.pttl(key) for key in keys]
    assert len(keys) == 2
    assert all(b"anna" not in key and b"t1" not in key for key in keys)
    assert all(0 < end <= 1000 for end in ends)


async def test_a_clock_set_back_locks_nobody_out(
    replica: OpenReplica, redis_process: Any, redis: Any
) -> None:
    limits = replica(per_user=1, per_tenant=0)
    (limit,) = limits._of(ANNA, calls=1, characters=0)
    await redis.rpush(limit.key, f"{int((time.time() + 3600) * 1_000_000)}:1:1")
    assert await passes(limits)


@pytest.mark.parametrize("how", ["killed", "silent"])
async def test_while_redis_is_away_a_replica_lets_its_share_through(
    replica: OpenReplica, redis_process: Any, loop_lag: list[float], how: str
) -> None:
    limits = replica(PATIENCE, per_user=10, per_tenant=0, replicas=2)
    assert await passes(limits)
    redis_process.kill() if how == "killed" else redis_process.silence()
    started = time.monotonic()
    assert await admitted(limits, 20) == 5
    # The first call waits for one timeout, the others for nothing.
    assert time.monotonic() - started < 0.1 + max(loop_lag, default=0)


async def test_at_the_switch_at_most_one_more_window_passes(replica: OpenReplica, redis_process: Any) -> None:
    replicas = [replica(per_user=10, per_tenant=0, replicas=2) for _ in range(2)]
    before, _ = await in_one_window(*replicas, each=20)
    redis_process.kill()
    after, seconds = await in_one_window(*replicas, each=20)
    assert (before, after) == (10, 10)
    assert seconds < 1


async def test_a_full_redis_leaves_each_replica_its_share(
    replica: OpenReplica, redis_process: Any, redis: Any
) -> None:
    limits = replica(per_user=10, per_tenant=0, replicas=2)
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")
    assert await admitted(limits, 20) == 5


async def test_when_redis_is_back_it_counts_again(replica: OpenReplica, redis_process: Any) -> None:
    limits = replica(per_user=4, per_tenant=0, replicas=4)
    await passes(limits)
    redis_process.kill()
    await admitted(limits, 3)
    redis_process.start()
    store = limits._store
    assert store is not None
    async with asyncio.timeout(5):
        while not await store.answers():  # noqa: ASYNC110  the breaker tells nobody
            await asyncio.sleep(0.05)
    assert not store.away
    assert await admitted(limits, 9) == 4


async def test_both_ways_of_counting_agree(replica: OpenReplica) -> None:
    """The same calls at the same times: Redis and the replica on its own admit the same ones."""
    counted = replica(per_user=5, per_tenant=8)
    clock = time.monotonic
    alone = Limits(LimitSettings(per_user=5, per_tenant=8), None, local=LocalWindows(clock))
    for caller in (ANNA, BAO, ANNA, ANNA, BAO, ANNA, ANNA, ANNA, BAO, BAO, BAO, BAO):
        assert await passes(counted, caller) == await passes(alone, caller)


async def test_both_ways_of_counting_text_agree(replica: OpenReplica) -> None:
    settings: dict[str, Any] = {"per_user": 0, "per_tenant": 0, "characters_per_user": 5_000}
    counted = replica(**settings)
    alone = Limits(LimitSettings(**settings), None, local=LocalWindows(time.monotonic))
    for length in (1_000, 3_500, 4_000, 400, 100, 1):
        answers = []
        for limits in (counted, alone):
            limit = limits._of(ANNA, calls=0, characters=length)
            taken = await limits._take(limit)
            answers.append((taken.admitted, taken.limit, taken.remaining))
        assert answers[0] == answers[1]
