"""Servers on loopback that end with the run that started them."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

LOOPBACK = "127.0.0.1"
START_SECONDS = 60


class DemoError(Exception):
    """What went wrong and what to do next, as one sentence for a person."""


@dataclass
class Processes:
    """Children of this run; all of them end with it, the last started first. Logs go to `logs`."""

    logs: Path
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a server with its output in <logs>/<name>.log."""
        log = (self.logs / f"{name}.log").open("wb")
        with log:
            # A session of its own: Ctrl-C reaches this program alone, which then ends them in order.
            process = subprocess.Popen(
                command, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
            )
        self.running.append((name, process))
        return process

    def require_alive(self) -> None:
        """Raise DemoError when one of them has ended."""
        for name, process in self.running:
            if process.poll() is not None:
                log = self.logs / f"{name}.log"
                last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["(no output)"]
                raise DemoError(
                    f"The {name} ended with exit code {process.returncode}: {last[0]}  See {log}."
                )

    def stop(self) -> None:
        """End all, politely first."""
        for _, process in reversed(self.running):
            process.terminate()
        for _, process in reversed(self.running):
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise DemoError when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is in use. Stop what listens there, or choose another: PORT=8002 make demo."
            ) from error


def wait_until(ready: Callable[[], bool], processes: Processes, what: str) -> None:
    """Poll until ready, for at most START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        processes.require_alive()
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not answer within {START_SECONDS} s. See {processes.logs}.")
        time.sleep(0.1)


def call(
    url: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({}), *, seconds: float
) -> tuple[int, bytes]:
    """Ask a server on loopback, past any proxy; its status and what it said, or OSError."""
    request = Request(url, body, dict(headers))  # noqa: S310  an address of our own
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=seconds) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def answers(url: str) -> Callable[[], bool]:
    """Return a check that the address answers 200."""

    def ready() -> bool:
        with contextlib.suppress(OSError):
            return call(url, seconds=2)[0] == 200
        return False

    return ready
