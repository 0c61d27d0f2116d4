"""The registry of companies in the database: every change is counted, so that each replica can tell."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from veriaidpo_gateway.companies.rows import (
    ADDED,
    COLUMNS,
    SHIPPED,
    Entry,
    Filter,
    conditions,
    entry_of,
    key_of,
    merged,
    new_row,
    values_of,
)
from veriaidpo_gateway.companies.tables import STEPS, registry, seeded
from veriaidpo_gateway.companies.tables import company as table
from veriaidpo_gateway.database.connecting import PATIENCE, Database
from veriaidpo_gateway.database.migrating import migrate
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.normalisation.companies import Company, shipped_companies

MOST_COMPANIES = 100_000

_PREPARING = 30.0
_MANY = 25.0
_PAGE = 10.0
"""Seconds for work on many companies; nobody waits for the reading of them all but whoever exports them."""

_TOGETHER = 500
"""Companies that are sent or fetched at once."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many companies an import added, changed, and found as they were."""

    added: int
    changed: int
    unchanged: int


class CompanyStore:
    """Reads and changes companies; DatabaseAwayError whenever the database is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def kind(self) -> str:
        """Who keeps the companies: embedded or postgresql."""
        return self._database.kind

    async def prepare(self) -> None:
        """Make the tables and put in the shipped companies that never were."""
        async with self._database.begin(_PREPARING) as connection:
            await migrate(connection, STEPS)
            await _seed(connection)

    async def revision(self) -> int:
        """Return a number that grows with every change."""
        async with self._database.begin() as connection:
            return int(await connection.scalar(sa.select(registry.c.revision)) or 0)

    async def search(self, wanted: Filter, *, limit: int, offset: int) -> tuple[list[Entry], int]:
        """Return a page of what fits, by name, and how many there are."""
        query = sa.select(table).where(*conditions(wanted))
        async with self._database.begin() as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
            rows = await connection.execute(query.order_by(table.c.key).limit(limit).offset(offset))
            return [entry_of(row) for row in rows.mappings()], int(total or 0)

    async def get(self, entry_id: str) -> Entry:
        """Return one, or raise the 404."""
        async with self._database.begin() as connection:
            return await _get(connection, entry_id)

    async def everything(self) -> AsyncIterator[Entry]:
        """Yield all companies by name, a few at a time: others have their turn in between."""
        last = ""
        while True:
            query = sa.select(table).where(table.c.key > last).order_by(table.c.key).limit(_TOGETHER)
            async with self._database.begin(_PAGE) as connection:
                rows = (await connection.execute(query)).mappings().all()
            for row in rows:
                yield entry_of(row)
            if len(rows) < _TOGETHER:
                return
            last = rows[-1]["key"]

    async def add(self, company: Company) -> Entry:
        """Add one: 409 when its name is taken, or when there are too many."""
        async with self._changing() as connection:
            await _check_room(connection, 1)
            row = new_row(company, ADDED)
            await connection.execute(sa.insert(table), [row])
            return entry_of(row)

    async def change(self, entry_id: str, company: Company, version: int | None) -> Entry:
        """Replace one that still has that version (None: whichever it has): 404, 409 or 412."""
        async with self._changing() as connection:
            found = _check_version(await _get(connection, entry_id), version)
            values = {**values_of(company), "version": found.version + 1}
            await connection.execute(sa.update(table).where(table.c.id == entry_id).values(values))
            return Entry(entry_id, company, found.origin, found.version + 1)

    async def remove(self, entry_id: str, version: int | None) -> None:
        """Remove one that still has that version: 404 or 412."""
        async with self._changing() as connection:
            _check_version(await _get(connection, entry_id), version)
            await connection.execute(sa.delete(table).where(table.c.id == entry_id))

    async def take(self, companies: Sequence[Company], columns: Collection[str] = COLUMNS) -> Imported:
        """Add, or change those columns by name, all or none; no two have one name. 409 for too many."""
        added = changed = 0
        async with self._changing(_MANY) as connection:
            for first in range(0, len(companies), _TOGETHER):
                some = {key_of(one): one for one in companies[first : first + _TOGETHER]}
                query = sa.select(table).where(table.c.key.in_(some))
                known = {row["key"]: entry_of(row) for row in (await connection.execute(query)).mappings()}
                new = [new_row(one, ADDED) for key, one in some.items() if key not in known]
                both = [(known[key], one) for key, one in some.items() if key in known]
                wanted = [(entry, merged(entry.company, one, columns)) for entry, one in both]
                other = [(entry, one) for entry, one in wanted if entry.company != one]
                await _check_room(connection, len(new))
                await _insert(connection, new)
                await _replace(connection, other)
                added, changed = added + len(new), changed + len(other)
        return Imported(added, changed, len(companies) - added - changed)

    @asynccontextmanager
    async def _changing(self, seconds: float = PATIENCE) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._database.begin(seconds) as connection:
                # First, so that changes happen one after another and are counted in their order.
                await connection.execute(sa.update(registry).values(revision=registry.c.revision + 1))
                yield connection
        except IntegrityError:
            raise GatewayError(ErrorCode.COMPANY_EXISTS) from None


async def _get(connection: AsyncConnection, entry_id: str) -> Entry:
    row = (await connection.execute(sa.select(table).where(table.c.id == entry_id))).mappings().first()
    if row is None:
        raise GatewayError(ErrorCode.NO_SUCH_COMPANY)
    return entry_of(row)


def _check_version(found: Entry, version: int | None) -> Entry:
    if version is not None and found.version != version:
        raise GatewayError(ErrorCode.COMPANY_CHANGED)
    return found


async def _check_room(connection: AsyncConnection, more: int) -> None:
    if not more:
        return
    there = await connection.scalar(sa.select(sa.func.count()).select_from(table))
    if int(there or 0) + more > MOST_COMPANIES:
        raise GatewayError(ErrorCode.COMPANIES_FULL, {"max_companies": MOST_COMPANIES})


async def _insert(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await connection.execute(sa.insert(table), rows)


async def _replace(connection: AsyncConnection, changes: Sequence[tuple[Entry, Company]]) -> None:
    if changes:
        await connection.execute(
            sa.update(table).where(table.c.id == sa.bindparam("at")),
            [{**values_of(new), "at": old.id, "version": old.version + 1} for old, new in changes],
        )


async def _seed(connection: AsyncConnection) -> None:
    shipped = {key_of(company): company for company in shipped_companies()}
    known = set((await connection.scalars(sa.select(seeded.c.key))).all())
    missing = [key for key in shipped if key not in known]
    if not missing:
        return
    there = set((await connection.scalars(sa.select(table.c.key).where(table.c.key.in_(missing)))).all())
    await _insert(connection, [new_row(shipped[key], SHIPPED) for key in missing if key not in there])
    await connection.execute(sa.insert(seeded), [{"key": key} for key in missing])
    await connection.execute(sa.update(registry).values(revision=registry.c.revision + 1))
