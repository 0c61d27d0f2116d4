"""What a Redis that is slow, dead, full or started anew costs: no call, and none more than one short wait."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import pytest

from veriaidpo_gateway.redis.store import PATIENCE, StoreAwayError
from veriaidpo_gateway.settings import RedisSettings

from .reaching import LATEST, is_back, latest_while, reaches, store_of
from .redis_process import LOOPBACK, RedisProcess, free_port


def fill(redis: RedisProcess) -> None:
    with redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")


def restart(redis: RedisProcess) -> None:
    redis.kill()
    time.sleep(0.5)
    redis.start()


TROUBLE: dict[str, Callable[[RedisProcess], None]] = {
    "silent": RedisProcess.silence,
    "dead": RedisProcess.kill,
    "full": fill,
    "restarted": restart,
}


@pytest.mark.slow
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_whatever_becomes_of_redis_no_call_fails_or_waits(
    redis_process: RedisProcess, loop_lag: list[float], trouble: str
) -> None:
    async with store_of(redis_process.settings, patience=PATIENCE) as store:
        await is_back(store)
        late = await latest_while(store, loop_lag, lambda: TROUBLE[trouble](redis_process))
        if trouble == "restarted":
            await is_back(store)
    assert late < LATEST


@pytest.mark.slow
async def test_a_silent_redis_that_wakes_is_used_again(redis_process: RedisProcess) -> None:
    async with store_of(redis_process.settings, patience=PATIENCE) as store:
        await is_back(store)
        redis_process.silence()
        for _ in range(3):
            assert not await reaches(store)
            await asyncio.sleep(1.05)
        redis_process.wake()
        await is_back(store, 5.0)


async def test_what_is_no_redis_is_away_and_gets_no_answers_mixed_up() -> None:
    """A server that talks on its own, and one that answers nonsense."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n+OK\r\nHTTP/1.1 200 OK\r\n")
        try:
            with contextlib.suppress(OSError):
                await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(nonsense, LOOPBACK, free_port())
    async with store_of(RedisSettings(f"redis://{LOOPBACK}:{server.sockets[0].getsockname()[1]}")) as store:
        await asyncio.sleep(0)
        with contextlib.suppress(StoreAwayError):
            await store.ask("GET", "veriaidpo:x")
        with pytest.raises(StoreAwayError):
            await store.ask("GET", "veriaidpo:x")
    server.close()
