"""Records as they are read: one tenant's, page by page, the newest first; or all of them, chain by chain."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.records.rows import Row
from veriaidpo_gateway.records.store import row_of
from veriaidpo_gateway.records.tables import head, receipt, record

_SECONDS = 10.0
_TOGETHER = 500
_MANY = 5_000
"""Rows that are fetched at once: for a caller, and for a whole export."""

_CURSOR = re.compile(r"([0-9]{1,15})-([0-9a-f]{16})-([0-9]{1,15})", re.ASCII)


class Place(NamedTuple):
    """A record's place among its tenant's: what a page continues after."""

    time: int
    chain: str
    position: int

    def __str__(self) -> str:
        return f"{self.time}-{self.chain}-{self.position}"

    @classmethod
    def parse(cls, cursor: str) -> Self | None:
        """Read a place as it was given out; None when it is none."""
        match = _CURSOR.fullmatch(cursor)
        return cls(int(match[1]), match[2], int(match[3])) if match else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are looked for: those that fit everything that is not None. Times as in the rows."""

    since: int | None = None
    until: int | None = None
    model_type: str | None = None
    needs_review: bool | None = None
    request_id: str | None = None
    subject: str | None = None


class RecordReader:
    """Reads records; DatabaseAwayError whenever the database is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, tenant: str, wanted: Wanted, *, limit: int, after: Place | None = None) -> list[Row]:
        """Return a tenant's newest records, or those that come after a place. Erased ones are nobody's."""
        columns = record.c
        order = (columns.time, columns.chain, columns.position)
        query = sa.select(record).where(columns.tenant == tenant, *_conditions(wanted))
        if after is not None:
            query = query.where(sa.tuple_(*order) < sa.tuple_(*map(sa.literal, after)))
        query = query.order_by(*(column.desc() for column in order)).limit(limit)
        async with self._database.begin(_SECONDS) as connection:
            return [row_of(row) for row in await connection.execute(query)]

    async def pages(self, tenant: str, wanted: Wanted) -> AsyncIterator[list[Row]]:
        """Yield all that are looked for, page by page: the connection is somebody else's in between."""
        after: Place | None = None
        while True:
            rows = await self.page(tenant, wanted, limit=_TOGETHER, after=after)
            yield rows
            if len(rows) < _TOGETHER:
                return
            after = place_of(rows[-1])

    async def chained(self, after: tuple[str, int] = ("", 0)) -> list[Row]:
        """Return the next rows of all tenants, chain by chain; none at the end."""
        columns = record.c
        query = (
            sa.select(record)
            .where(sa.tuple_(columns.chain, columns.position) > sa.tuple_(*map(sa.literal, after)))
            .order_by(columns.chain, columns.position)
            .limit(_MANY)
        )
        async with self._database.begin(_SECONDS) as connection:
            return [row_of(row) for row in await connection.execute(query)]

    async def signed(self, tenant: str | None = None) -> tuple[list[str], list[str]]:
        """Return every head, and every receipt or those of a tenant."""
        of_receipts = sa.select(receipt.c.signed).order_by(receipt.c.time)
        if tenant is not None:
            of_receipts = of_receipts.where(receipt.c.tenant == tenant)
        async with self._database.begin(_SECONDS) as connection:
            heads = await connection.scalars(sa.select(head.c.signed).order_by(head.c.time))
            receipts = await connection.scalars(of_receipts)
            return list(heads), list(receipts)


def place_of(row: Row) -> Place | None:
    """Say where a record is; None when it was erased."""
    return None if row.contents is None else Place(row.contents.time, row.chain, row.position)


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    columns = record.c
    if wanted.since is not None:
        yield columns.time >= wanted.since
    if wanted.until is not None:
        yield columns.time < wanted.until
    if wanted.needs_review is not None:
        # Literally: the index for reviews is over exactly these.
        yield columns.needs_review == sa.literal_column("1" if wanted.needs_review else "0")
    for column, value in (
        (columns.model_type, wanted.model_type),
        (columns.request_id, wanted.request_id),
        (columns.subject, wanted.subject),
    ):
        if value is not None:
            yield column == value
