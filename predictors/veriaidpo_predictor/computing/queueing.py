"""The rows of callers who wait for one model, and what becomes of each call.

A queue is bounded in tokens, because tokens are what costs time.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from veriaidpo_predictor import tracing
from veriaidpo_predictor.computing.network import Logits, Run
from veriaidpo_predictor.computing.waiting import Limits, Row, Waiting

_GUESS = 1e-3
"""Seconds that a token takes, as long as no batch was measured."""


class QueueFullError(Exception):
    """More tokens are waiting than may; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class DeadlineError(Exception):
    """The caller's time is over; what had not been computed by then never will be."""


class EngineError(Exception):
    """The engine could not compute a batch."""


class StoppedError(Exception):
    """The process is stopping."""


class Call:
    """The rows of one request; answered once, when its last row is, or at the first failure."""

    def __init__(self, rows: int, deadline: float) -> None:
        self.deadline = deadline
        self.over = False
        self.taken: float | None = None
        """When the first of its rows was taken to be computed."""
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[list[Logits]] = self._loop.create_future()
        self._answers: list[Logits | None] = [None] * rows
        self.missing = rows

    def answer(self, index: int, logits: Logits) -> None:
        """Give the answer to one of its rows."""
        self._answers[index] = logits
        self.missing -= 1
        if not self.missing:
            self._finish(lambda: self.future.set_result([one for one in self._answers if one is not None]))

    def fail(self, error: Exception) -> None:
        """Give an error instead of all its answers."""
        self._finish(lambda: self.future.set_exception(error))

    def _finish(self, settle: Callable[[], None]) -> None:
        if self.over:
            return
        self.over = True
        try:
            self._loop.call_soon_threadsafe(lambda: None if self.future.done() else settle())
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


@dataclass(slots=True)
class CallRow(Row):
    """A waiting row, the one at `index` of those of a call."""

    call: Call
    index: int


class Threads(Protocol):
    """What a queue asks of the threads that compute what waits in it."""

    def put(self, queue: "Queue", rows: list[CallRow], /) -> None:
        """Let rows wait; raises QueueFullError or StoppedError."""

    def drop(self, queue: "Queue", rows: list[CallRow], /) -> None:
        """Let nobody compute rows that nobody waits for any more."""


class Queue:
    """The waiting rows of one model, and how fast it is. Its threads guard all of it."""

    def __init__(self, threads: Threads, run: Run, limits: Limits) -> None:
        self._threads = threads
        self.run = run
        self.waiting: Waiting[CallRow] = Waiting(limits)
        self.waited: Callable[[float], None] = lambda _seconds: None
        """Told how long each row waited, by the thread that takes it."""
        self.closed = False
        self.running = 0
        self.asked = -math.inf
        self._tokens, self._seconds = 1.0, _GUESS

    @property
    def seconds_per_token(self) -> float:
        """How long one thread takes, over the last dozen batches; padding counts as tokens."""
        return self._seconds / self._tokens

    @property
    def waiting_tokens(self) -> int:
        """How many tokens wait."""
        return self.waiting.tokens

    async def compute(self, rows: Sequence[list[int]], deadline: float) -> Logits:
        """Give the logits [rows, labels] of encoded texts; otherwise like `compute_each`."""
        return np.stack(await self.compute_each(rows, deadline))

    async def compute_each(self, rows: Sequence[list[int]], deadline: float) -> list[Logits]:
        """Give the logits of each encoded text; `deadline` is on the clock of time.monotonic.

        Raises QueueFullError, DeadlineError, EngineError or StoppedError.
        """
        call, now = Call(len(rows), deadline), time.monotonic()
        waiting = [CallRow(ids, now, deadline, call, index) for index, ids in enumerate(rows)]
        self._threads.put(self, waiting)
        try:
            async with asyncio.timeout(max(0.0, deadline - now)):
                return await call.future
        except TimeoutError:
            raise DeadlineError from None
        finally:
            call.over = True
            if call.missing:
                self._threads.drop(self, waiting)
            tracing.took("queue", now, call.taken, tokens=sum(len(ids) for ids in rows))
            if call.taken is not None:
                tracing.took("infer", call.taken, texts=len(rows))

    def measure(self, tokens: int, seconds: float) -> None:
        """Learn from a batch how long a token takes."""
        self._tokens += (tokens - self._tokens) / 16
        self._seconds += (max(seconds, 1e-5) - self._seconds) / 16

    def drain(self, error: Exception) -> None:
        """Fail all that waits."""
        for row in self.waiting:
            row.call.fail(error)
        self.waiting.clear()
