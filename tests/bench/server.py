"""A server that is measured: one process and its children, on a port of loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

LOOPBACK = "127.0.0.1"
_START_SECONDS = 600
"""MLServer loads two interpreters with all that they know: a minute alone, three on a busy machine."""
_TICK = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A server that ended, or did not answer in time; the text is the end of its log."""


class Server:
    """A running one. Its log goes to a file: a server whose output nobody reads stands still."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, port: int) -> None:
        self.port = port
        self._log = log
        self.started = time.monotonic()
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, env=os.environ | dict(environment), stdout=out, stderr=out, start_new_session=True
            )

    def until_it_answers(self, path: str, body: bytes) -> float:
        """Return the seconds from its start to its first 200; raises StartError."""
        with httpx.Client(base_url=f"http://{LOOPBACK}:{self.port}", timeout=30, trust_env=False) as client:
            while time.monotonic() < self.started + _START_SECONDS and self.process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
                    if answer.status_code == 200:
                        return time.monotonic() - self.started
                time.sleep(0.02)
        raise StartError(self._log.read_text(errors="replace")[-2_000:])

    def cpu_seconds(self) -> float:
        """Return what it and its children have used of all cores, in user and kernel mode."""
        return sum(_cpu_ticks(str(pid)) for pid in _tree(self.process.pid)) / _TICK

    def main_thread_cpu_seconds(self) -> float:
        """Return what its first thread has used."""
        return _cpu_ticks(f"{self.process.pid}/task/{self.process.pid}") / _TICK

    def megabytes(self, what: str) -> float:
        """Return `Rss` or `Pss` of it and its children, in 10^6 bytes."""
        return sum(_kilobytes(pid, what) for pid in _tree(self.process.pid)) * 1024 / 1e6

    def stop(self) -> None:
        """End the whole session, politely first."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def cpu_seconds(pid: int) -> float:
    """Return what a process and its children have used of all cores, those that have ended among them."""
    return sum(_cpu_ticks(str(one), ended=True) for one in _tree(pid)) / _TICK


def _tree(first: int) -> Iterator[int]:
    ahead = [first]
    while ahead:
        pid = ahead.pop()
        yield pid
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                ahead += map(int, children.read_text().split())


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def _cpu_ticks(task: str, *, ended: bool = False) -> int:
    try:
        fields = Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # a child that has just ended
        return 0
    return sum(map(int, fields[11 : 15 if ended else 13]))


def _kilobytes(pid: int, what: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{what}:")), 0)
