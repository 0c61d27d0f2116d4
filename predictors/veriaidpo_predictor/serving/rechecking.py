"""What is served is held against what was published, again and again: a disk may rot under a process."""

import threading
import time
from collections.abc import Callable

from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.serving.served import State

_BYTES_PER_SECOND = 32 << 20
"""As fast as files are read again: those who are answered meanwhile are not to notice it."""


def again_and_again(registry: Registry, seconds: float, stop: threading.Event) -> None:
    """Look every so many seconds, until told to stop or until nothing is left that can answer. Blocks."""
    while not registry.hopeless and not stop.wait(seconds):
        recheck(registry, lambda count: time.sleep(count / _BYTES_PER_SECOND))


def recheck(registry: Registry, pace: Callable[[int], None]) -> None:
    """Read every file of every model that answers; one with other bytes answers no longer."""
    for model in registry:
        if model.state is State.READY:
            model.recheck(pace)
