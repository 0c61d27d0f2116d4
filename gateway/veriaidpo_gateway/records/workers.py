"""Processes that read rows and hash what they say, each its part, for the one that holds them together."""

import asyncio
import gc
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from veriaidpo_gateway.database.connecting import DatabaseAwayError, open_database
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.runs import Part, runs

MOST = 4
"""Processes that one can keep up with."""

_AHEAD = 2
"""Parts that each is asked for before the first is taken: what waits is bounded."""

_ENDING = 5.0
_ENDED = "a process that reads was ended (--jobs 1 does without)"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

Place = Sequence[object]
_Answer = list[Part] | str | None


class WorkerError(DatabaseAwayError):
    """A process cannot go on; the text says why."""

    @property
    def cause(self) -> str:
        """What it said."""
        return str(self)


class Workers:
    """So many of them; WorkerError when one cannot go on."""

    def __init__(self, url: str, many: int) -> None:
        # Begun anew and not copied: what this process holds open is not theirs.
        context = get_context("spawn")
        self._pipes: list[Connection] = []
        self.processes = []
        for _ in range(many):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(url, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self.processes.append(process)
        for pipe in self._pipes:
            _said(pipe)

    def take(self, moment: str | None) -> None:
        """Let them see the database as it is now, or at the moment of that name."""
        for pipe in self._pipes:
            _ask(pipe, moment)
        for pipe in self._pipes:
            _said(pipe)

    def hashed(self, places: Iterable[Place]) -> Iterator[Part]:
        """Read the rows behind each of these places, in their order."""
        asked: deque[Connection] = deque()
        for place, pipe in zip(places, cycle(self._pipes), strict=False):
            _ask(pipe, place)
            asked.append(pipe)
            if len(asked) == _AHEAD * len(self._pipes):
                yield from _said(asked.popleft())
        for pipe in asked:
            yield from _said(pipe)

    def close(self) -> None:
        """End them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self.processes:
            process.join(_ENDING)
            process.terminate()


def cores() -> int:
    """Count the cores that this process may use, as far as that many processes are of use."""
    mine = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # "max": as many as there are
        quota, period = map(int, _QUOTA.read_text().split())
        mine = min(mine, quota // period)
    return max(1, min(MOST, mine))


@contextmanager
def without_cycles() -> Iterator[None]:
    """Look for no cycles: rows form none, and looking takes a third of the time that they take."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _ask(pipe: Connection, what: Place | str | None) -> None:
    try:
        pipe.send(what)
    except OSError:
        raise WorkerError(_ENDED) from None


def _said(pipe: Connection) -> list[Part]:
    try:
        answer: _Answer = pipe.recv()
    except (EOFError, OSError):
        raise WorkerError(_ENDED) from None
    if isinstance(answer, str):
        raise WorkerError(answer)
    return answer or []


def _work(url: str, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who was told to stop ends these
    with suppress(EOFError, OSError), without_cycles(), asyncio.Runner() as runner:
        runner.run(_answer(url, pipe))


async def _answer(url: str, pipe: Connection) -> None:
    """Take the moment that comes first, then answer for one place after another."""
    async with open_database(url).snapshot() as database:
        reader = RecordReader(database)
        pipe.send(None)
        try:
            await database.take(pipe.recv())
            pipe.send(None)
            while True:
                pipe.send(list(runs(await reader.hashed(pipe.recv()))))
        except DatabaseAwayError as error:
            pipe.send(error.cause)
