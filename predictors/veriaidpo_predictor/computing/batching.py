"""Waiting rows, and the engine threads that compute them in batches.

One queue a model, one pool of threads a process: however many models there are, no more threads compute than
there are cores. A free thread takes what `waiting` says comes next; nobody waits for a batch to fill. A queue
is bounded in tokens, because tokens are what costs time.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor import tracing
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.waiting import Limits, Row, Waiting

Logits = npt.NDArray[np.float32]
Run = Callable[[list[list[int]]], Logits | list[Logits]]
"""Rows of ids to an array of shape [rows, labels], or to one of shape [its tokens, tags] for each row."""

_ASKED_SECONDS = 1.0
"""A model that was asked so lately is likely to be asked again: a thread is kept free for it."""

_RESTING_SECONDS = 10.0
"""Without a row for so long, what runs have left in memory is of no use."""

_CLOSING_SECONDS = 30.0
"""A caller waits no longer than that: whatever is left in a queue then is wanted by nobody."""

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


class _Call:
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
        self._answers[index] = logits
        self.missing -= 1
        if not self.missing:
            self._finish(lambda: self.future.set_result([one for one in self._answers if one is not None]))

    def fail(self, error: Exception) -> None:
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
class _Row(Row):
    call: _Call
    index: int


class Queue:
    """The waiting rows of one model, and how fast it is. All of it is guarded by the pool's condition."""

    def __init__(self, pool: "Pool", run: Run, limits: Limits) -> None:
        self._pool = pool
        self.run = run
        self.waiting: Waiting[_Row] = Waiting(limits)
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
        call, now = _Call(len(rows), deadline), time.monotonic()
        waiting = [_Row(ids, now, deadline, call, index) for index, ids in enumerate(rows)]
        self._pool.put(self, waiting)
        try:
            async with asyncio.timeout(max(0.0, deadline - now)):
                return await call.future
        except TimeoutError:
            raise DeadlineError from None
        finally:
            call.over = True
            if call.missing:
                self._pool.drop(self, waiting)
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


class Pool:
    """The engine threads of a process. Queues are served in turn, and a flood on one leaves a thread free."""

    def __init__(self, threads: int, rest: Callable[[], None] = lambda: None) -> None:
        """Start the threads; `rest` is called once whenever nothing was asked for a while."""
        self.cores = Cores(threads)
        self._rest = rest
        self._is_rested = False
        self._changed = threading.Condition()
        self._queues: deque[Queue] = deque()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def queue(self, run: Run, limits: Limits | None = None) -> Queue:
        """Open the queue of one more model."""
        queue = Queue(self, run, limits or Limits())
        with self._changed:
            self._queues.append(queue)
        return queue

    def close(self, queue: Queue) -> None:
        """Take a queue out of the turns once nothing waits in it; later rows are refused. Blocks."""
        end = time.monotonic() + _CLOSING_SECONDS
        while queue.waiting_tokens and time.monotonic() < end:
            time.sleep(
                _CLOSING_SECONDS / 1000
            )  # whoever waits for it is in no hurry, and those who compute are
        with self._changed:
            queue.drain(StoppedError())
            queue.closed = True
            if queue in self._queues:
                self._queues.remove(queue)

    def put(self, queue: Queue, rows: list[_Row]) -> None:
        """Let rows wait in a queue of this pool; raises QueueFullError or StoppedError."""
        with self._changed:
            if self._stopping or queue.closed:
                raise StoppedError
            if not queue.waiting.has_room(rows):
                raise QueueFullError(min(30, max(1, math.ceil(self._backlog_seconds()))))
            queue.waiting.add(rows)
            queue.asked = time.monotonic()
            self._changed.notify(min(len(rows), len(self._threads)))

    def drop(self, queue: Queue, rows: list[_Row]) -> None:
        """Let nobody compute rows that nobody waits for any more."""
        with self._changed:
            queue.waiting.drop(rows)

    def _backlog_seconds(self) -> float:
        """How long the threads will be at what waits for all models: they take turns."""
        seconds = sum(one.waiting_tokens * one.seconds_per_token for one in self._queues)
        return seconds / len(self._threads)

    def stop(self) -> None:
        """Fail what waits, let the running batches end, and end the threads."""
        with self._changed:
            self._stopping = True
            for queue in self._queues:
                queue.drain(StoppedError())
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while self._compute_next():  # in a frame of its own: who waits keeps nothing of a model that has gone
            pass

    def _compute_next(self) -> bool:
        """Wait for a batch and compute it; False when the threads are to end."""
        work = self._next()
        if work is not None:
            self._compute(*work)
        return work is not None

    def _next(self) -> tuple[Queue, list[_Row]] | None:
        with self._changed:
            while not self._stopping:
                if (work := self._take()) is not None:
                    return work
                self._wait()
            return None

    def _take(self) -> tuple[Queue, list[_Row]] | None:
        """Give what is to be computed next, of the queue whose turn it is."""
        for _ in range(len(self._queues)):
            queue = self._queues[0]
            self._queues.rotate(-1)
            now = time.monotonic()
            if not self._may_run(queue, now):
                continue
            if batch := queue.waiting.take(now, queue.seconds_per_token):
                queue.running += 1
                self._is_rested = False
                return queue, batch
        return None

    def _compute(self, queue: Queue, batch: list[_Row]) -> None:
        started = time.monotonic()
        for row in batch:
            queue.waited(started - row.came)
            row.call.taken = row.call.taken or started
        try:
            logits = queue.run([row.ids for row in batch])
        except Exception:  # noqa: BLE001  whatever it was, the thread goes on to the next batch
            for row in batch:
                row.call.fail(EngineError())
            return
        finally:
            with self._changed:
                queue.running -= 1
        for row, one in zip(batch, logits, strict=True):
            row.call.answer(row.index, one)
        with self._changed:
            queue.measure(len(batch) * max(len(row.ids) for row in batch), time.monotonic() - started)

    def _wait(self) -> None:
        """Wait until something may have come; give the process its rest when nothing does."""
        if any(one.waiting_tokens for one in self._queues):  # held back for another model
            self._changed.wait(_ASKED_SECONDS)
        elif self._changed.wait(None if self._is_rested else _RESTING_SECONDS):
            return
        elif not self._is_rested and not any(one.running for one in self._queues):
            self._is_rested = True
            self._rest()

    def _may_run(self, queue: Queue, now: float) -> bool:
        """Leave one thread to the other models while any of them is asked: a batch cannot be broken off."""
        if len(self._threads) == 1 or queue.running < len(self._threads) - 1:
            return True
        return all(one is queue or now - one.asked > _ASKED_SECONDS for one in self._queues)
