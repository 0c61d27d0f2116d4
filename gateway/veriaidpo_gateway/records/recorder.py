"""Takes what was answered and writes it down a moment later, so that no request waits for it.

On the way of a request there is one append, and with some of them records are made of the latest answers. A
few times a second what has come together gets its place in the chain and is kept. While it can be kept
nowhere it waits in memory, up to a bound; what becomes of further answers then is a setting: they are
refused, or they are given and counted as lost.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.records.answered import Answered, TextHash, contents_of
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.keeping import Keeper
from veriaidpo_gateway.records.rows import Contents, End, beginning, chained
from veriaidpo_gateway.records.signing import Head, Signer
from veriaidpo_gateway.records.spool import Signed, Spool
from veriaidpo_gateway.records.store import RecordStore

EVERY = 0.25
"""Seconds between two rounds: what a killed process loses is of this time, and of the round under way."""

MOST_WAITING = 10_000
"""Answers that wait in memory."""

MADE_TOGETHER = 16
"""Answers that records are made of at once. One by one it would take twice the processor's time, and until
the round is there they would hold on to all that their requests have read."""

TOGETHER = 250
"""Rows that are written at once: a longer list would keep requests waiting while it is sent."""

HEAD_EVERY = 60.0

WhenFull = Literal["refuse", "count"]

_log = logging.getLogger(__name__)


class Recorder:
    """The chain of this process. `clock` gives seconds since 1970."""

    every = EVERY

    def __init__(
        self,
        store: RecordStore,
        *,
        signer: Signer,
        text_hash: TextHash,
        counts: Counts,
        spool: Callable[[str], Spool] | None = None,
        when_full: WhenFull = "count",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.chain = secrets.token_hex(8)
        self._keeper = Keeper(store, spool(self.chain) if spool else None, counts)
        self._signer, self._text_hash = signer, text_hash
        self._when_full, self._clock = when_full, clock
        self._answered: list[Answered] = []
        self._waiting: deque[Contents] = deque()
        self._end: End = beginning(self.chain)
        self._signed: End | None = None
        self._signed_at = 0.0
        self._round = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether there is no room for another answer."""
        return self._in_memory >= MOST_WAITING

    def admit(self) -> None:
        """Refuse an answer that could not be recorded, where the settings want that: 503."""
        if self._when_full == "refuse" and self.full:
            raise GatewayError(ErrorCode.RECORDS_FULL, headers={"Retry-After": "5"})

    def add(self, answered: Answered) -> None:
        """Take an answer; one that was admitted always has room."""
        if self._when_full == "count" and self.full:
            self._keeper.lose(1)
            return
        self._answered.append(answered)
        if len(self._answered) >= MADE_TOGETHER:
            self._make()

    @property
    def waiting(self) -> int:
        """Answers that are in memory alone."""
        return self._in_memory + self._keeper.held

    @property
    def spooled(self) -> int:
        """Bytes on the disk that the database has not got yet."""
        return self._keeper.spooled

    def health(self) -> dict[str, Any]:
        """Tell how records are kept now. Without the database they wait on the disk: degraded at worst."""
        troubled = self._keeper.away or self._keeper.stuck or self.full
        return {
            "status": "degraded" if troubled else "healthy",
            "waiting": self.waiting,
            "spooled_bytes": self.spooled,
            "lost": self._keeper.lost,
        }

    async def refresh(self) -> None:
        """Write what has come together."""
        async with self._round:
            if self._signed is None:
                await self._sign()
            await self._keeper.flush()
            await self._write()
            if self._clock() - self._signed_at >= HEAD_EVERY and self._signed != self._end:
                await self._sign()

    async def close(self) -> None:
        """Write what is left, and that this chain ends here."""
        async with self._round:
            await self._keeper.flush(at_once=True)
            await self._write()
            left = self._in_memory
            if left:
                self._keeper.lose(left)
                _log.error("answers were not recorded", extra={"fields": {"lost": left}})
            if self._keeper.give_up():
                self._end = self._keeper.kept or beginning(self.chain)
            await self._sign(closed=True)
            self._keeper.close()

    @property
    def _in_memory(self) -> int:
        return len(self._waiting) + len(self._answered)

    def _make(self) -> None:
        """Make records of answers; one of which none can be made is lost, and takes no other with it."""
        for one in self._answered:
            try:
                self._waiting.append(contents_of(one, self._text_hash))
            except Exception as error:  # noqa: BLE001  whatever it is, it is counted
                self._keeper.lose(1)
                # Without what the error says, which may repeat what somebody wrote.
                _log.error("an answer cannot be recorded: %s", type(error).__name__)
        self._answered.clear()

    async def _write(self) -> None:
        self._make()
        # What comes meanwhile waits for the next round: one by one it would cost a commit each.
        left = len(self._waiting)
        while left and not self._keeper.stuck:
            said = [self._waiting.popleft() for _ in range(min(TOGETHER, left))]
            left -= len(said)
            rows = list(chained(self.chain, self._end, said))
            self._end = End(rows[-1].position, rows[-1].link)
            await self._keeper.put(rows)

    async def _sign(self, *, closed: bool = False) -> None:
        now = int(self._clock() * 1000)
        position, link = self._signed = self._end
        self._signed_at = self._clock()
        others = await self._keeper.others(self.chain, now)
        head = Head(self.chain, position, link.hex(), now, closed, self._keeper.lost, others)
        signed = self._signer.sign(head)
        # In the log as well: what was seen elsewhere, nobody can take back.
        _log.info("the chain of records", extra={"fields": {"position": position, "head": signed}})
        row: Signed = (self.chain, position, int(closed), now, head.link, signed)
        await self._keeper.put([], [row])
