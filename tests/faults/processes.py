"""A pod whose processes stand still, or get little time: alive to the kubelet, and of no use to anybody."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ..e2e.cluster import PROVIDER, get, provider
from ..e2e.parts import ready_pods

_STANDS, _RUNS = 0.4, 0.1
"""Seconds of each turn of a slow process."""


def processes(selector: str) -> list[str]:
    """Return the ids, on the node, of what runs in the ready pod of a selector; its pause is left out."""
    uid = str(get("pod", ready_pods(selector)[0])["metadata"]["uid"])
    # How a cgroup writes a pod's uid depends on who manages cgroups.
    found = provider(
        "node", "sh", "-c", f"grep -lE '{uid}|{uid.replace('-', '_')}' /proc/[0-9]*/cgroup || true"
    )
    ids = [path.split("/")[2] for path in found.split()]
    names = {one: provider("node", "sh", "-c", f"cat /proc/{one}/comm || true").strip() for one in ids}
    return [one for one, name in names.items() if name not in ("", "pause")]


@contextmanager
def stalled(selector: str) -> Iterator[None]:
    """Stop the processes of a pod; connections are still accepted, by the kernel."""
    ids = " ".join(processes(selector))
    provider("node", "sh", "-c", f"kill -STOP {ids}")
    try:
        yield
    finally:
        _go_on(ids)


@contextmanager
def slowed(selector: str) -> Iterator[None]:
    """Let the processes of a pod run for a fifth of the time."""
    ids = " ".join(processes(selector))
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
