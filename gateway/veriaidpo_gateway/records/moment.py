"""A database as it is at one moment, gone through by this process alone or by others beside it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar

from veriaidpo_gateway.database.connecting import Database, DatabaseAwayError, open_database
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.records import telling
from veriaidpo_gateway.records.exporting import Export, proven
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.runs import Part
from veriaidpo_gateway.records.signing import PublicKeys
from veriaidpo_gateway.records.workers import Workers

T = TypeVar("T")
S = TypeVar("S", bound=Sequence[Any])
Following = Callable[[Sequence[object]], Coroutine[Any, Any, Sequence[S]]]

WORTH_IT = 50_000
"""Rows that are read before another process has started."""

_FIRST = ("", 0)


class Opened:
    """A database, read in a thread of its own: the next rows come while some are looked at.

    All of it is of one moment: a row that is erased meanwhile would have no receipt among those read before.
    With `jobs` above 1 as many processes read and hash rows that are verified.
    """

    def __init__(self, url: str | None, jobs: int = 1) -> None:
        if url is None:
            raise InvalidSettingsError(telling.both("no_database"))
        self._url, self._jobs = url, jobs
        self._database = open_database(url).snapshot()
        self._reader = RecordReader(self._database)
        self._workers: Workers | None = None
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._workers is not None:
            self._workers.close()
        self._ask(self._database.__aexit__()).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    @property
    def others(self) -> int:
        """How many processes read beside this one."""
        return len(self._workers.processes) if self._workers else 0

    def export(self, tenant: str | None = None) -> Export:
        """Take everything, as it is gone through; receipts of one tenant alone if one is named."""
        self._ask(self._database.take()).result()
        return Export(*self._signed(tenant), self._each(self._reader.chained, _FIRST))

    def verified(self, keys: PublicKeys) -> tuple[Report, int]:
        """Verify it; and count heads and receipts that no known key has signed. WorkerError."""
        self._ask(self._take()).result()
        if self._workers is None:
            rows: Iterable[Part] = self._each(self._reader.hashed, _FIRST)
        else:
            rows = self._workers.hashed(self._places())
        return proven(keys, *self._signed(), rows)

    async def _take(self) -> None:
        """Let this process and those beside it see the same moment."""
        async with open_database(self._url) as other:
            try:
                if self._jobs > 1 and await RecordReader(other).behind(_FIRST, WORTH_IT):
                    self._workers = Workers(self._url, self._jobs)
                    await self._take_together(other, self._workers)
            except DatabaseAwayError:
                # Such as a file that may only be read: one process has one moment.
                if self._workers is not None:
                    self._workers.close()
                    self._workers = None
        await self._database.take()

    async def _take_together(self, other: Database, workers: Workers) -> None:
        async with other.without_writers():
            await self._database.take()
            workers.take(await self._database.name())

    def _signed(self, tenant: str | None = None) -> tuple[Iterator[str], Iterator[str]]:
        heads = self._each(self._reader.heads, ("", 0, 0))
        receipts = self._each(partial(self._reader.receipts, tenant), ("",))
        return (head[3] for head in heads), (receipt[1] for receipt in receipts)

    def _places(self) -> Iterator[Sequence[object]]:
        """Go through the places behind which the next rows are read at once."""
        place: Sequence[object] | None = _FIRST
        while place is not None:
            yield place
            place = self._ask(self._reader.behind(place)).result()

    def _each(self, following: Following[S], first: tuple[object, ...]) -> Iterator[S]:
        """Go through all behind a place, as they begin with it; some come while others are looked at."""
        coming = self._ask(following(first))
        while some := coming.result():
            coming = self._ask(following(some[-1][: len(first)]))
            yield from some

    def _ask(self, question: Coroutine[Any, Any, T]) -> Future[T]:
        return self._thread.submit(self._runner.run, question)
