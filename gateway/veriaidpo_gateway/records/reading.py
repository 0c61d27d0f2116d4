"""Records as they are read: one tenant's, page by page, the newest first; or all of them, chain by chain."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from veriaidpo_gateway.database.connecting import Database, fetch
from veriaidpo_gateway.records.looking import PLACE, Condition, Place, Wanted, Way, of_review, of_time, ways
from veriaidpo_gateway.records.rows import Hashed, Row
from veriaidpo_gateway.records.store import hashed_of, row_of
from veriaidpo_gateway.records.tables import record

_SECONDS = 10.0
_TOGETHER = 500
_MANY = 5_000
"""Rows that are fetched at once: for a caller, and for a whole export."""

_CHAINED = f"""SELECT {", ".join(f'"{column.name}"' for column in record.c)} FROM decision_record
    WHERE (chain, position) > (?, ?) ORDER BY chain, position LIMIT {_MANY}"""  # noqa: S608
_BEHIND = """SELECT chain, position FROM decision_record
    WHERE (chain, position) > (?, ?) ORDER BY chain, position LIMIT 1 OFFSET ?"""
_HEADS = f"""SELECT chain, position, closed, signed FROM record_head
    WHERE (chain, position, closed) > (?, ?, ?) ORDER BY chain, position, closed LIMIT {_MANY}"""  # noqa: S608
_RECEIPTS = f"SELECT id, signed FROM record_receipt WHERE id > ? ORDER BY id LIMIT {_MANY}"  # noqa: S608
_RECEIPTS_OF = _RECEIPTS.replace("ORDER", "AND tenant = ? ORDER")

LOOKED_THROUGH = 2_000
"""Records that are looked through for a page where no index finds the ones that are looked for."""


class Page(NamedTuple):
    """Some of a tenant's records, the newest first, and what the next page comes after; None: it is the last.

    There may be fewer than were asked for, even none, and a next page all the same.
    """

    rows: list[Row]
    after: Place | None


class RecordReader:
    """Reads records; DatabaseAwayError whenever the database is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, tenant: str, wanted: Wanted, *, limit: int, after: Place | None = None) -> Page:
        """Return a tenant's newest records, or those that come after a place. Erased ones are nobody's."""
        of_tenant = record.c.tenant == tenant
        if wanted.request_id is not None and self._database.kind == "embedded":
            # SQLite knows no figures of what it holds, and would go through all that a tenant has.
            of_tenant = sa.literal_column("+tenant") == tenant
        common = [of_tenant, *of_time(wanted)]
        if after is not None:
            common.append(sa.tuple_(*PLACE) < sa.tuple_(*map(sa.literal, after)))
        several = list(ways(wanted, self._database.kind))
        async with self._database.begin(_SECONDS) as connection:
            ends = [await _end(connection, way, common) for way in several]
            end = max((one for one in ends if one is not None), default=None)
            if end is not None:
                common.append(sa.tuple_(*PLACE) >= sa.tuple_(*map(sa.literal, end)))
            common += of_review(wanted)
            rows = [row for way in several for row in await _rows(connection, way, common, limit)]
        rows = sorted(rows, key=place_of, reverse=True)[:limit]
        return Page(rows, place_of(rows[-1]) if len(rows) == limit else end)

    async def pages(self, tenant: str, wanted: Wanted) -> AsyncIterator[list[Row]]:
        """Yield all that are looked for, page by page: the connection is somebody else's in between."""
        after: Place | None = None
        while True:
            rows, after = await self.page(tenant, wanted, limit=_TOGETHER, after=after)
            yield rows
            if after is None:
                return

    async def chained(self, after: Sequence[object] = ("", 0)) -> list[Row]:
        """Return the next rows of all tenants, behind a chain and position; none at the end."""
        return [row_of(values) for values in await self._next(_CHAINED, *after)]

    async def hashed(self, after: Sequence[object] = ("", 0)) -> list[Hashed]:
        """Return the same rows as `chained`, of what they say the hash alone."""
        return [hashed_of(values) for values in await self._next(_CHAINED, *after)]

    async def behind(self, after: Sequence[object] = ("", 0), rows: int = _MANY) -> Sequence[Any] | None:
        """Find the chain and position of the last of so many rows; None where there are fewer."""
        found = await self._next(_BEHIND, *after, rows - 1)
        return tuple(found[0]) if found else None

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


def place_of(row: Row) -> Place:
    """Say where a record is that was not erased."""
    if row.contents is None:
        raise ValueError("an erased record has no place among its tenant's")
    return Place(row.contents.time, row.chain, row.position)


async def _end(connection: AsyncConnection, way: Way, common: Sequence[Condition]) -> Place | None:
    """Find up to where a way is looked through for one page; None: to its end, or by an index alone."""
    if way.rest is None:
        return None
    query = sa.select(*PLACE).where(*common, *way.found).order_by(*(one.desc() for one in way.order))
    found = (await connection.execute(query.offset(LOOKED_THROUGH - 1).limit(1))).first()
    return None if found is None else Place(*found)


async def _rows(connection: AsyncConnection, way: Way, common: Sequence[Condition], limit: int) -> list[Row]:
    rest = () if way.rest is None else (way.rest,)
    query = sa.select(record).where(*common, *way.found, *rest)
    query = query.order_by(*(one.desc() for one in way.order)).limit(limit)
    return [row_of(row) for row in await connection.execute(query)]
