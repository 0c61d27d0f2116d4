"""The cores of a process, shared by the runs of all its models."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """The first run at a time has all of them to itself, and each that begins meanwhile gets one.

    So a lone caller is answered as soon as the machine can, and in a crowd nothing waits at a barrier.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._all = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Give whether a run that begins now may use all cores; until it is over, no other may."""
        has_all = self._all.acquire(blocking=False)
        try:
            yield has_all
        finally:
            if has_all:
                self._all.release()
