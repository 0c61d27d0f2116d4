"""Servers as processes of their own: a Redis that can be killed, silenced and started again."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from .postgres_process import PostgresProcess
from .redis_process import RedisProcess, running


@pytest.fixture
def redis_process(tmp_path: Path) -> Iterator[RedisProcess]:
    server = RedisProcess(tmp_path)
    with running(server):
        yield server


@pytest.fixture
async def redis(redis_process: RedisProcess) -> AsyncIterator[Redis]:
    """A client that is not ours, to look at what is there."""
    client = Redis.from_url(redis_process.url)
    yield client
    await client.aclose()


@pytest.fixture
async def loop_lag() -> AsyncIterator[list[float]]:
    """How late the event loop was, each time it was looked at: nothing may block it."""
    late: list[float] = []

    async def look() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - before - 0.005)

    task = asyncio.create_task(look())
    yield late
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresProcess]:
    # Not under pytest's own folder: nobody else may look into that.
    with tempfile.TemporaryDirectory(prefix="veriaidpo-postgres-") as folder:
        server = PostgresProcess(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def postgres(postgres_server: PostgresProcess) -> Iterator[tuple[PostgresProcess, str]]:
    """The server and the URL of an empty database in it."""
    url = postgres_server.create(f"d{secrets.token_hex(6)}")
    yield postgres_server, url
    postgres_server.wake()
