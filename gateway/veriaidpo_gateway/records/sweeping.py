"""Sees to it that what has to go goes, on every replica: what was ordered, is too old, or is cached."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.records.erasing import Eraser, Reason
from veriaidpo_gateway.records.recorder import Recorder

EVERY = 2.0
"""Seconds until a replica learns what another one erased."""

SWEEP_EVERY = 60.0
SWEEP_FOR = 2.0
"""Seconds of a round that a sweep may take: before it goes on, it is asked again what was ordered."""

PATIENCE = 20.0
"""Seconds a caller waits for their erasure; the rest of it follows with the next sweeps."""

_HELD = 0.2
"""Seconds until rows are asked for again that another replica has in hand."""

_DAY = 86_400_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Erased:
    """What an erasure came to so far: how many records, and the receipt for each part."""

    before: int
    rows: int = 0
    receipts: list[str] = field(default_factory=list)
    complete: bool = False


class Sweeper:
    """Follows what was ordered. `days` says how long a tenant's records are kept, 0: for ever."""

    every = EVERY

    def __init__(
        self,
        eraser: Eraser,
        recorder: Recorder,
        days: Callable[[str], int],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._eraser, self._recorder, self._days, self._clock = eraser, recorder, days, clock
        self._ordered: dict[str, int] = {}
        self._swept: float | None = None
        self._under_way: AsyncIterator[None] | None = None

    def cached_as(self, tenant: str) -> str:
        """Name a tenant for its cached results: those of before an erasure are not found any more."""
        before = self._ordered.get(tenant)
        return tenant if before is None else f"{tenant}@{before}"

    async def erase(self, tenant: str) -> Erased:
        """Erase all that there is of a tenant up to now; DatabaseAwayError when the database is."""
        begun = self._clock()
        erased = Erased(int(begun * 1000) + 1)
        await self._eraser.order(tenant, erased.before)
        self._learn({tenant: erased.before})
        await self._recorder.refresh()
        while self._clock() - begun < PATIENCE:
            done = await self._eraser.erase(tenant, erased.before, "request", self._now())
            if done is None:
                erased.complete = not await self._eraser.left(tenant, erased.before)
                if erased.complete:
                    break
                await asyncio.sleep(_HELD)
                continue
            erased.rows += done[0]
            erased.receipts.append(done[1])
        return erased

    async def refresh(self) -> None:
        """Learn what was ordered; once a minute, erase what turned up since and what is too old.

        The first round, which a start waits for, only learns.
        """
        try:
            self._learn(await self._eraser.ordered())
            if self._swept is None:
                self._swept = self._clock() - SWEEP_EVERY
                return
            if self._under_way is None and self._clock() - self._swept >= SWEEP_EVERY:
                self._swept, self._under_way = self._clock(), self._sweep()
            await self._go_on()
        except DatabaseAwayError:
            self._under_way = None  # the recorder says so

    def _learn(self, ordered: Mapping[str, int]) -> None:
        for tenant, before in ordered.items():
            self._ordered[tenant] = max(before, self._ordered.get(tenant, before))

    async def _go_on(self) -> None:
        until = time.monotonic() + SWEEP_FOR
        while self._under_way is not None and time.monotonic() < until:
            try:
                await anext(self._under_way)
            except StopAsyncIteration:
                self._under_way = None

    async def _sweep(self) -> AsyncIterator[None]:
        """Erase what has to go, and yield after each part."""
        for tenant, before in list(self._ordered.items()):
            async for _ in self._all(tenant, before, "request"):
                yield
        async for tenant in self._eraser.tenants():
            yield
            days = self._days(tenant)
            if days:
                async for _ in self._all(tenant, self._now() - days * _DAY, "retention"):
                    yield

    async def _all(self, tenant: str, before: int, reason: Reason) -> AsyncIterator[None]:
        rows = 0
        while done := await self._eraser.erase(tenant, before, reason, self._now()):
            rows += done[0]
            yield
        yield
        if rows:
            _log.info("records were erased", extra={"fields": {"reason": reason, "rows": rows}})

    def _now(self) -> int:
        return int(self._clock() * 1000)
