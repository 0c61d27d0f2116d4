"""Sees to it that what has to go goes, on every replica: what was ordered, is too old, or is cached."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.identity.forgotten import ForgottenUpTo
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.ordering import Order, Orders
from veriaidpo_gateway.records.recorder import Recorder

EVERY = 2.0
"""Seconds until a replica learns what another one erased."""

SWEEP_EVERY = 60.0
_TURN = int(SWEEP_EVERY * 900)
"""Milliseconds for which a turn is one replica's: a little less than until its own next one."""

SWEEP_FOR = 2.0
"""Seconds of a round that a sweep may take: before it goes on, it is asked again what was ordered."""

PATIENCE = 20.0
"""Seconds a caller waits for their erasure; the rest of it follows with the next sweeps."""

_HELD = 0.2
"""Seconds until rows are asked for again that another replica has in hand."""

_DAY = 86_400_000

KNOWN = 30 * _DAY
"""How long an order names the person it was about, for rows that some disk still has; and how long a
tenant's cached results of before one are passed over."""

_log = logging.getLogger(__name__)


class Retention(Protocol):
    """How long records are kept, 0: for ever."""

    def record_days(self, tenant: str) -> int:
        """Say for how many days a tenant's are."""

    def some_record_days(self) -> bool:
        """Say whether anybody's are not kept for ever."""


@dataclass(slots=True)
class Erased:
    """What an erasure came to so far: how many records, and the receipt for each part."""

    before: int
    rows: int = 0
    receipts: list[str] = field(default_factory=list)
    complete: bool = False


class Sweeper:
    """Follows what was ordered, and what is too old."""

    every = EVERY

    def __init__(
        self,
        orders: Orders,
        eraser: Eraser,
        recorder: Recorder,
        retention: Retention,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._orders, self._eraser, self._recorder = orders, eraser, recorder
        self._retention, self._clock = retention, clock
        self._forgotten = ForgottenUpTo(KNOWN)
        self._swept: float | None = None
        self._under_way: AsyncIterator[None] | None = None

    def cached_as(self, tenant: str) -> str:
        """Name a tenant for its cached results: those of before an erasure are not found any more."""
        return self._forgotten.name(tenant)

    async def erase(self, tenant: str, subject: str | None = None) -> Erased:
        """Erase all that there is of a tenant up to now, or of one subject; DatabaseAwayError.

        Cached results say nothing of who asked, so that only a tenant's own end makes them unfindable.
        """
        begun = self._clock()
        erased = Erased(self._forgotten.next(tenant, self._now()))
        order = Order(tenant, erased.before, subject)
        await self._orders.add(order)
        if subject is None:
            self._forgotten.learn({tenant: erased.before}, self._now())
        await self._recorder.refresh()
        while self._clock() - begun < PATIENCE:
            done = await self._eraser.erase(order, self._now())
            if done is None:
                erased.complete = not await self._eraser.left(order)
                if erased.complete:
                    break
                await asyncio.sleep(_HELD)
                continue
            erased.rows += done[0]
            erased.receipts.append(done[1])
        return erased

    async def refresh(self) -> None:
        """Learn what was ordered; once a minute one replica erases what turned up since and what is too old.

        The first round, which a start waits for, only learns.
        """
        try:
            self._forgotten.learn(await self._orders.of_tenants(self._now() - KNOWN), self._now())
            if self._swept is None:
                self._swept = self._clock() - SWEEP_EVERY
                return
            if self._under_way is None and self._clock() - self._swept >= SWEEP_EVERY:
                self._swept = self._clock()
                if await self._orders.turn(self._now(), _TURN):
                    self._under_way = self._sweep()
            await self._go_on()
        except DatabaseAwayError:
            self._under_way = None  # the recorder says so

    async def _go_on(self) -> None:
        until = time.monotonic() + SWEEP_FOR
        while self._under_way is not None and time.monotonic() < until:
            try:
                await anext(self._under_way)
            except StopAsyncIteration:
                self._under_way = None

    async def _sweep(self) -> AsyncIterator[None]:
        """Erase what has to go, and yield after each part."""
        for order in await self._orders.due():
            async for _ in self._all(order):
                yield
        await self._orders.forget_subjects(self._now() - KNOWN)
        if not self._retention.some_record_days():
            return  # there may be thousands of tenants, to be asked for one by one
        async for tenant in self._eraser.tenants():
            yield
            days = self._retention.record_days(tenant)
            if days:
                async for _ in self._all(Order(tenant, self._now() - days * _DAY, reason="retention")):
                    yield

    async def _all(self, order: Order) -> AsyncIterator[None]:
        rows = 0
        while done := await self._eraser.erase(order, self._now()):
            rows += done[0]
            yield
        yield
        if rows:
            _log.info("records were erased", extra={"fields": {"reason": order.reason, "rows": rows}})

    def _now(self) -> int:
        return int(self._clock() * 1000)
