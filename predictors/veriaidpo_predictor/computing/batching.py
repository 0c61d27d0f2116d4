"""The engine threads, which compute what waits in batches.

One queue a model, one pool of threads a process: however many models there are, no more threads compute than
there are cores. A free thread takes what `waiting` says comes next; nobody waits for a batch to fill.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.network import Run
from veriaidpo_predictor.computing.queueing import CallRow, EngineError, Queue, QueueFullError, StoppedError
from veriaidpo_predictor.computing.waiting import Limits

_ASKED_SECONDS = 1.0
"""A model that was asked so lately is likely to be asked again: a thread is kept free for it."""

_RESTING_SECONDS = 10.0
"""Without a row for so long, what runs have left in memory is of no use."""

_CLOSING_SECONDS = 30.0
"""A caller waits no longer than that: whatever is left in a queue then is wanted by nobody."""


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

    def put(self, queue: Queue, rows: list[CallRow]) -> None:
        """Let rows wait in a queue of this pool; raises QueueFullError or StoppedError."""
        with self._changed:
            if self._stopping or queue.closed:
                raise StoppedError
            if not queue.waiting.has_room(rows):
                raise QueueFullError(min(30, max(1, math.ceil(self._backlog_seconds()))))
            queue.waiting.add(rows)
            queue.asked = time.monotonic()
            self._changed.notify(min(len(rows), len(self._threads)))

    def drop(self, queue: Queue, rows: list[CallRow]) -> None:
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

    def _next(self) -> tuple[Queue, list[CallRow]] | None:
        with self._changed:
            while not self._stopping:
                if (work := self._take()) is not None:
                    return work
                self._wait()
            return None

    def _take(self) -> tuple[Queue, list[CallRow]] | None:
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

    def _compute(self, queue: Queue, batch: list[CallRow]) -> None:
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
