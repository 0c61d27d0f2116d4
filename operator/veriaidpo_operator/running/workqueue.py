"""Which Model is looked at when: one look at a time for each, several Models at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 60.0


class WorkQueue:
    """Runs work(key) for every key that is poked; belongs to one event loop.

    A key that is poked while its work runs is worked on once more afterwards, however often it was poked.
    Work that raises is tried again after 1, 2, 4 … up to 60 seconds and hinders no other key.
    """

    def __init__(self, work: Callable[[str], Awaitable[float | None]], *, at_once: int) -> None:
        self._work = work
        self._slots = asyncio.Semaphore(at_once)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._poked_again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._closed = False

    def poke(self, key: str) -> None:
        """Have the key looked at now, or once more when it is being looked at."""
        if self._closed:
            return
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._running:
            self._poked_again.add(key)
        else:
            self._running[key] = asyncio.create_task(self._run(key), name=f"reconcile {key}")

    def ensure(self, key: str) -> None:
        """Have the key looked at unless that is going on or has been arranged."""
        if key not in self._running and key not in self._timers:
            self.poke(key)

    async def close(self) -> None:
        """Take no more keys, and wait for the work that runs."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, key: str) -> None:
        async with self._slots:
            again = await self._once(key)
        del self._running[key]
        if key in self._poked_again:
            self._poked_again.discard(key)
            self.poke(key)
        elif again is not None and not self._closed:
            self._timers[key] = asyncio.get_running_loop().call_later(again, self.poke, key)

    async def _once(self, key: str) -> float | None:
        try:
            again = await self._work(key)
        except Exception as error:  # noqa: BLE001 (the other Models go on, this one is tried again)
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            pause = min(2.0**failures, _LONGEST_PAUSE)
            _log.warning("%s: %s; again in %g s", key, error, pause, exc_info=failures == 0)
            return pause
        self._failures.pop(key, None)
        return again
