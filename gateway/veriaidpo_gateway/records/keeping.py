"""Where rows go: to the database; while that is away, to the disk; and from there to the database again."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.rows import End, Row
from veriaidpo_gateway.records.spool import Signed, Spool, pieces
from veriaidpo_gateway.records.store import RecordStore

AWAY_FOR = 2.0
"""Seconds until the database is asked again after it did not answer."""

_PIECE = 500
_PIECES = 8
"""Lines of the disk's that go to the database together, and how often in one round."""

_SEEN_WITHIN = 3_600_000

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps rows and heads in their order, and holds on to those that it could put nowhere."""

    def __init__(
        self,
        store: RecordStore,
        spool: Spool | None,
        counts: Counts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._spool, self._counts, self._clock = store, spool, counts, clock
        self._held: deque[tuple[Sequence[Row], Sequence[Signed]]] = deque()
        self._ask_again, self._prepared, self._inherited = 0.0, False, False
        self.away = False
        """Whether the database did not answer the last time."""

        self.lost = 0
        """Answers that are nowhere: their rows were, or there was no room for them before."""

        self.kept: End | None = None
        """Where the rows end that are in the database or on the disk."""

    @property
    def stuck(self) -> bool:
        """Whether there is something that neither the database nor the disk has taken."""
        return bool(self._held)

    @property
    def held(self) -> int:
        """How many rows those are."""
        return sum(len(rows) for rows, _ in self._held)

    @property
    def spooled(self) -> int:
        """Bytes on the disk that the database has not got yet."""
        return self._spool.waiting if self._spool else 0

    async def put(self, rows: Sequence[Row], heads: Sequence[Signed] = ()) -> None:
        """Keep rows and heads, or hold on to them."""
        self._held.append((rows, heads))
        await self.flush()

    async def flush(self, *, at_once: bool = False) -> None:
        """Bring the database what it has not got, `at_once` even if it was away a moment ago."""
        if at_once:
            self._ask_again = 0.0
        await self._catch_up()
        while self._held and await self._kept(*self._held[0]):
            rows, _ = self._held.popleft()
            if rows:
                self.kept = End(rows[-1].position, rows[-1].link)

    def give_up(self) -> int:
        """Count what could be kept nowhere as lost; how many rows."""
        rows = self.held
        self._held.clear()
        self._lose(rows)
        return rows

    async def others(self, chain: str, now: int) -> dict[str, tuple[int, str]]:
        """Find where other chains ended, as far as the database tells; `now` in milliseconds since 1970."""
        if self._reachable():
            try:
                await self._prepare()
                return await self._store.newest_heads(now - _SEEN_WITHIN, besides=chain)
            except DatabaseAwayError as error:
                self._went_away(error)
        return {}

    def close(self) -> None:
        """Give the disk's file up."""
        if self._spool is not None:
            self._spool.close()

    async def _kept(self, rows: Sequence[Row], heads: Sequence[Signed]) -> bool:
        if self._reachable() and not self.spooled:
            try:
                await self._into_store(rows, heads)
            except DatabaseAwayError as error:
                self._went_away(error)
            else:
                return True
        if self._spool is None or self._spool.full:
            return False
        try:
            await asyncio.to_thread(self._spool.put, rows, heads)
        except OSError as error:
            _log.error("records cannot be written to the disk: %s", type(error).__name__)
            return False
        self._counts.spooled.inc(len(rows))
        return True

    async def _catch_up(self) -> None:
        spool = self._spool
        if spool is None or not self._reachable() or (self._inherited and not spool.waiting):
            return
        try:
            await self._bring_own(spool)
            if not self._inherited and self._spool is not None:
                for path in spool.left_behind():
                    await self._bring(path)
                self._inherited = True
        except DatabaseAwayError as error:
            self._went_away(error)

    async def _bring_own(self, spool: Spool) -> None:
        try:
            for _ in range(_PIECES):
                piece = await asyncio.to_thread(spool.next, _PIECE)
                if piece.empty:
                    break
                await self._into_store(piece.rows, piece.heads)
                spool.done(piece)
                self._lose(piece.unreadable)
        except OSError as error:
            # What it can read of it, the next process brings.
            _log.error("records on the disk cannot be read, and it is used no more: %s", type(error).__name__)
            self._lose(spool.rows)
            self._spool = None
            spool.close()

    async def _bring(self, path: Path) -> None:
        """Bring what another process left behind; a file that is not readable now is the next start's.

        It goes, and with it a line that cannot be read: no order to erase would ever find whom that names.
        """
        unreadable, left = 0, pieces(path, _PIECE)
        try:
            while (piece := await asyncio.to_thread(next, left, None)) is not None:
                await self._into_store(piece.rows, piece.heads)
                unreadable += piece.unreadable
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            _log.error("records that a process left behind cannot be read: %s", type(error).__name__)
        self._lose(unreadable)

    def lose(self, answers: int) -> None:
        """Count answers that are nowhere."""
        self.lost += answers
        self._counts.lost.inc(answers)

    def _lose(self, rows: int) -> None:
        if rows:
            self.lose(rows)
            _log.error("records were lost", extra={"fields": {"lost": rows}})

    async def _into_store(self, rows: Sequence[Row], heads: Sequence[Signed]) -> None:
        await self._prepare()
        await self._store.write(rows, heads)
        self._counts.stored.inc(len(rows))
        if self.away:
            self.away = False
            _log.info("the database of records is back")

    async def _prepare(self) -> None:
        if not self._prepared:
            await self._store.prepare()
            self._prepared = True

    def _reachable(self) -> bool:
        return self._clock() >= self._ask_again

    def _went_away(self, error: DatabaseAwayError) -> None:
        # It may come back empty, or older than it was.
        self._prepared, self._ask_again = False, self._clock() + AWAY_FOR
        if not self.away:
            self.away = True
            _log.warning("the database of records is away: %s", error.cause)
