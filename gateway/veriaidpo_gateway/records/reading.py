"""Records as they are read: one tenant's, page by page, the newest first; or all of them, chain by chain."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database, fetch
from veriaidpo_gateway.records.rows import Row
from veriaidpo_gateway.records.store import row_of
from veriaidpo_gateway.records.tables import record

_SECONDS = 10.0
_TOGETHER = 500
_MANY = 5_000
"""Rows that are fetched at once: for a caller, and for a whole export."""

_CHAINED = f"""SELECT {", ".join(f'"{column.name}"' for column in record.c)} FROM decision_record
    WHERE (chain, position) > (?, ?) ORDER BY chain, position LIMIT {_MANY}"""  # noqa: S608
_HEADS = f"""SELECT chain, position, closed, signed FROM record_head
    WHERE (chain, position, closed) > (?, ?, ?) ORDER BY chain, position, closed LIMIT {_MANY}"""  # noqa: S608
_RECEIPTS = f"SELECT id, signed FROM record_receipt WHERE id > ? ORDER BY id LIMIT {_MANY}"  # noqa: S608
_RECEIPTS_OF = _RECEIPTS.replace("ORDER", "AND tenant = ? ORDER")

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
        of_tenant = columns.tenant == tenant
        if wanted.request_id is not None and self._database.kind == "embedded":
            # SQLite knows no figures of what it holds, and would go through all that a tenant has.
            of_tenant = sa.literal_column("+tenant") == tenant
        query = sa.select(record).where(of_tenant, *_conditions(wanted))
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

    async def chained(self, after: Sequence[object] = ("", 0)) -> list[Row]:
        """Return the next rows of all tenants, behind a chain and position; none at the end."""
        return [row_of(values) for values in await self._next(_CHAINED, *after)]

    async def heads(self, after: Sequence[object] = ("", 0, 0)) -> Sequence[Sequence[Any]]:
        """Return the next heads, after a chain, position and `closed`: these three, and what was signed."""
        return await self._next(_HEADS, *after)

    async def receipts(self, tenant: str | None, after: Sequence[object] = ("",)) -> Sequence[Sequence[Any]]:
        """Return the next receipts, of one tenant if it is named: id, and what was signed."""
        if tenant is None:
            return await self._next(_RECEIPTS, *after)
        return await self._next(_RECEIPTS_OF, *after, tenant)

    async def _next(self, query: str, *values: object) -> Sequence[Sequence[Any]]:
        async with self._database.begin(_SECONDS) as connection:
            return await fetch(connection, query, *values)


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
