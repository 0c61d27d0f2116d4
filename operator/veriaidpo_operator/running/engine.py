"""The running operator: the work queue, the resync loop, and the watch over both."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from veriaidpo_operator.running.workqueue import WorkQueue

_log = logging.getLogger(__name__)
_AT_ONCE = 4
_AT_FULL_PACE = 100
"""So many Models are each looked at every resync_seconds. More of them are each looked at less often: what a
hundred ask of the API server at rest is the most that is asked."""


class Engine:
    """Calls reconcile(name) in threads, since it blocks; start, stop and poke belong to the event loop."""

    def __init__(
        self,
        reconcile: Callable[[str], float | None],
        names: Callable[[], list[str]],
        *,
        resync_seconds: float,
        stalled_seconds: float,
        on_stalled: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reconcile = reconcile
        self._names = names
        self._resync_seconds = resync_seconds
        self._stalled_seconds = stalled_seconds
        self._on_stalled = on_stalled
        self._clock = clock
        self._alive_at = clock()
        self._known = 0
        self._queue: WorkQueue | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(_AT_ONCE + 1, thread_name_prefix="reconcile")

    def start(self) -> None:
        """Begin: from now on Models are looked at."""
        self._queue = WorkQueue(self._work, at_once=_AT_ONCE)
        self._alive_at = self._clock()
        self._loops = [asyncio.create_task(self._resync()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """Let running work end, take no more."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._queue is not None:
            await self._queue.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def poke(self, name: str) -> None:
        """Have a Model looked at soon."""
        if self._queue is not None:
            self._queue.poke(name)

    def age(self) -> float:
        """Return how many seconds ago something was last looked at with success."""
        return round(self._clock() - self._alive_at, 1)

    async def _work(self, name: str) -> float | None:
        again = await asyncio.get_running_loop().run_in_executor(self._threads, self._reconcile, name)
        self._alive_at = self._clock()
        again = self._paced(again)
        _log.debug("%s was looked at, next in %s s", name, again)
        return again

    def _paced(self, again: float | None) -> float | None:
        """Put off a look that nothing asks for but time, where there are many Models."""
        if again is None or again < self._resync_seconds:
            return again
        return again * max(1.0, self._known / _AT_FULL_PACE)

    async def _resync(self) -> None:
        """See to it that every Model is looked at even when no event tells of it."""
        while True:
            try:
                names = await asyncio.get_running_loop().run_in_executor(self._threads, self._names)
            except Exception as error:  # noqa: BLE001 (the next round may succeed; age() tells if none does)
                _log.warning("The Models could not be listed: %s", error)
            else:
                self._known = len(names)
                if not names:
                    self._alive_at = self._clock()
                for name in names:
                    if self._queue is not None:
                        self._queue.ensure(name)
            await asyncio.sleep(self._resync_seconds)

    async def _watch(self) -> None:
        """End the process when nothing succeeds any more: a fresh one may do better."""
        while True:
            await asyncio.sleep(min(5.0, self._stalled_seconds))
            if self.age() >= self._stalled_seconds:
                break
        _log.error("Nothing was reconciled for %g s: ending, to be started again.", self.age())
        self._on_stalled()
