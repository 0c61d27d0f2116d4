"""A pod whose processes stand still, or get little time: alive to the kubelet, and of no use to anybody."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ..e2e.cluster import PROVIDER, provider
from ..e2e.parts import processes, ready_pods

_STANDS, _RUNS = 0.4, 0.1
"""Seconds of each turn of a slow process."""


@contextmanager
def stalled(selector: str) -> Iterator[None]:
    """Stop the processes of a pod; connections are still accepted, by the kernel."""
    ids = " ".join(processes(ready_pods(selector)[0]))
    provider("node", "sh", "-c", f"kill -STOP {ids}")
    try:
        yield
    finally:
        _go_on(ids)


@contextmanager
def slowed(selector: str) -> Iterator[None]:
    """Let the processes of a pod run for a fifth of the time."""
    ids = " ".join(processes(ready_pods(selector)[0]))
    turn = f"kill -STOP {ids}; sleep {_STANDS}; kill -CONT {ids}; sleep {_RUNS}"
    with subprocess.Popen(
        [PROVIDER, "node", "timeout", "120", "sh", "-c", f"while :; do {turn}; done"]
    ) as turns:
        try:
            yield
        finally:
            turns.terminate()
            turns.wait(10)
            _go_on(ids)


def _go_on(ids: str) -> None:
    provider("node", "sh", "-c", f"kill -CONT {ids} || true")  # the kubelet may have made it anew
