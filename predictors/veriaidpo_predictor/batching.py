"""Waiting rows, and the engine threads that compute them in batches.

One queue a model, one pool of threads a process: however many models there are, no more threads compute than
there are cores. A free thread takes the oldest row and the waiting ones nearest to it in length; nobody
waits for a batch to fill. A queue is bounded in tokens, because tokens are what costs time.
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

Logits = npt.NDArray[np.float32]
Run = Callable[[list[list[int]]], Logits | list[Logits]]
"""Rows of ids to an array of shape [rows, labels], or to one of shape [its tokens, tags] for each row."""


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a queue and of its batches; beyond 512 tokens a batch throughput no longer grows."""

    waiting_tokens: int = 16_384
    batch_tokens: int = 512
    batch_rows: int = 32
    # How much longer or shorter a neighbour in a batch may be: padding costs more than batching gains.
    slack: int = 8


class _Call:
    """The rows of one request; answered once, when its last row is, or at the first failure."""

    def __init__(self, rows: int, deadline: float) -> None:
        self.deadline = deadline
        self.over = False
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[list[Logits]] = self._loop.create_future()
        self._answers: list[Logits | None] = [None] * rows
        self._missing = rows

    def answer(self, index: int, logits: Logits) -> None:
        self._answers[index] = logits
        self._missing -= 1
        if not self._missing:
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
class _Row:
    ids: list[int]
    call: _Call
    index: int
    taken: bool = False


class Queue:
    """The waiting rows of one model. All of it is guarded by the pool's condition."""

    def __init__(self, pool: "Pool", run: Run, limits: Limits) -> None:
        self._pool = pool
        self.run = run
        self.limits = limits
        self.waiting_tokens = 0
        self._order: deque[_Row] = deque()
        self._by_length: dict[int, deque[_Row]] = {}

    async def compute(self, rows: Sequence[list[int]], deadline: float) -> Logits:
        """Give the logits [rows, labels] of encoded texts; otherwise like `compute_each`."""
        return np.stack(await self.compute_each(rows, deadline))

    async def compute_each(self, rows: Sequence[list[int]], deadline: float) -> list[Logits]:
        """Give the logits of each encoded text; `deadline` is on the clock of time.monotonic.

        Raises QueueFullError, DeadlineError, EngineError or StoppedError.
        """
        call = _Call(len(rows), deadline)
        self._pool.put(self, [_Row(ids, call, index) for index, ids in enumerate(rows)])
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await call.future
        except TimeoutError:
            raise DeadlineError from None
        finally:
            call.over = True

    def put(self, rows: list[_Row], rate: float) -> None:
        """Take rows in; a call larger than the whole queue is taken when nothing else waits."""
        tokens = sum(len(row.ids) for row in rows)
        if self.waiting_tokens and self.waiting_tokens + tokens > self.limits.waiting_tokens:
            raise QueueFullError(min(30, max(1, math.ceil(self.waiting_tokens / rate))))
        self.waiting_tokens += tokens
        for row in rows:
            self._order.append(row)
            self._by_length.setdefault(len(row.ids), deque()).append(row)

    def take(self, now: float) -> list[_Row]:
        """Take the next batch: the oldest row that is still wanted, and its neighbours in length."""
        first = self._oldest(now)
        if first is None:
            return []
        batch = [first]
        longest = len(first.ids)
        neighbours = iter(self._neighbours(longest, now))
        while len(batch) < self.limits.batch_rows and (row := next(neighbours, None)) is not None:
            longest = max(longest, len(row.ids))
            if longest * (len(batch) + 1) > self.limits.batch_tokens:
                break
            self._remove(row)
            batch.append(row)
        return batch

    def _oldest(self, now: float) -> _Row | None:
        while self._order:
            row = self._order.popleft()
            if not row.taken and self._wanted(row, now):
                self._remove(row)
                return row
        return None

    def _neighbours(self, length: int, now: float) -> "_Neighbours":
        return _Neighbours(self, length, now)

    def _wanted(self, row: _Row, now: float) -> bool:
        """Drop a row that nobody waits for, so that it is never computed."""
        if row.call.deadline <= now:
            row.call.fail(DeadlineError())
        if row.call.over:
            self._remove(row)
            return False
        return True

    def _remove(self, row: _Row) -> None:
        row.taken = True
        self.waiting_tokens -= len(row.ids)
        same = self._by_length[len(row.ids)]
        while same and same[0].taken:
            same.popleft()
        if not same:
            del self._by_length[len(row.ids)]

    def oldest_of(self, length: int, now: float) -> _Row | None:
        """Give the oldest wanted row of exactly this length."""
        while same := self._by_length.get(length):
            row = same[0]
            if row.taken:
                same.popleft()
            elif self._wanted(row, now):
                return row
        return None

    @property
    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._by_length

    def drain(self, error: Exception) -> None:
        """Fail all that waits."""
        for row in self._order:
            row.call.fail(error)
        self._order.clear()
        self._by_length.clear()
        self.waiting_tokens = 0


class _Neighbours:
    """Rows nearest in length first; each must be removed from the queue before the next is asked for."""

    def __init__(self, queue: Queue, length: int, now: float) -> None:
        self._queue = queue
        self._now = now
        self._lengths = [length]
        for step in range(1, queue.limits.slack + 1):
            self._lengths += [length - step, length + step]

    def __iter__(self) -> "_Neighbours":
        return self

    def __next__(self) -> _Row:
        while self._lengths:
            row = self._queue.oldest_of(self._lengths[0], self._now)
            if row is not None:
                return row
            self._lengths.pop(0)
        raise StopIteration


class Pool:
    """The engine threads of a process. Queues are served in turn, so no model starves another."""

    def __init__(self, threads: int) -> None:
        self._changed = threading.Condition()
        self._queues: deque[Queue] = deque()
        self._stopping = False
        # Tokens a second, all threads together: a guess until something was measured. Only Retry-After needs
        # it.
        self._rate = 2_000.0
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

    def put(self, queue: Queue, rows: list[_Row]) -> None:
        """Let rows wait in a queue of this pool; raises QueueFullError or StoppedError."""
        with self._changed:
            if self._stopping:
                raise StoppedError
            queue.put(rows, self._rate)
            self._changed.notify(min(len(rows), len(self._threads)))

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
        while (work := self._next()) is not None:
            queue, batch = work
            started = time.monotonic()
            try:
                logits = queue.run([row.ids for row in batch])
            except Exception:  # noqa: BLE001  whatever it was, the thread goes on to the next batch
                for row in batch:
                    row.call.fail(EngineError())
                continue
            for row, one in zip(batch, logits, strict=True):
                row.call.answer(row.index, one)
            self._measure(sum(len(row.ids) for row in batch), time.monotonic() - started)

    def _next(self) -> tuple[Queue, list[_Row]] | None:
        with self._changed:
            while not self._stopping:
                for _ in range(len(self._queues)):
                    queue = self._queues[0]
                    self._queues.rotate(-1)
                    batch = [] if queue.empty else queue.take(time.monotonic())
                    if batch:
                        return queue, batch
                self._changed.wait()
            return None

    def _measure(self, tokens: int, seconds: float) -> None:
        with self._changed:
            now = len(self._threads) * tokens / max(seconds, 1e-4)
            self._rate += (now - self._rate) / 16
