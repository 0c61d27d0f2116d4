"""Waiting for an answer that is due at once, without taking one's own slowness for another's."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_ROUNDS = 5
"""How often the wait may begin anew because it was this process that was busy."""


class Patience(Generic[T]):
    """Waits `seconds`, and longer only while this thread was busy or was not run in time."""

    def __init__(
        self, answer: asyncio.Future[T], seconds: float, give_up: Callable[[asyncio.Future[Any]], None]
    ) -> None:
        self._answer, self._seconds, self._give_up = answer, seconds, give_up
        self._loop = asyncio.get_running_loop()
        self._rounds = 0
        self._over = False

    async def wait(self) -> T:
        """Return the answer, or raise TimeoutError once `give_up` was called with it."""
        self._begin()
        try:
            return await self._answer
        except BaseException:
            if self._over:
                raise TimeoutError from None
            raise
        finally:
            self._timer.cancel()

    def _begin(self) -> None:
        self._rounds += 1
        self._started, self._worked = self._loop.time(), time.thread_time()
        self._timer = self._loop.call_later(self._seconds, self._late)

    def _late(self) -> None:
        waited, worked = self._loop.time() - self._started, time.thread_time() - self._worked
        in_vain = waited < 1.2 * self._seconds and worked < waited / 2
        if not in_vain and self._rounds < _ROUNDS:
            self._begin()
        elif not self._answer.done():
            self._over = True
            self._give_up(self._answer)
            self._answer.cancel()
