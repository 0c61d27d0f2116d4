"""Records in the database: written many at a time, and twice as well as once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database, Kind
from veriaidpo_gateway.database.migrating import migrate
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.rows import Contents, Hashed, Row, hash_of
from veriaidpo_gateway.records.spool import Signed

_PREPARING = 30.0
_WRITING = 10.0
_OTHERS = 16
"""Seconds for each, and how many other chains a head names."""

_BLANK = (None,) * len(Contents._fields)


class RecordStore:
    """Reads and writes records; DatabaseAwayError whenever the database is."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def prepare(self) -> None:
        """Make the tables."""
        async with self.database.begin(_PREPARING) as connection:
            await migrate(connection, tables.STEPS)

    async def write(self, rows: Sequence[Row], heads: Sequence[Signed] = ()) -> None:
        """Put rows and heads in, all or none; what is there already stays as it is."""
        records = [as_values(row) for row in rows]
        if not heads:
            if records:
                await self.database.send(*_inserted(self.database.kind, tables.record, records), _WRITING)
            return
        async with self.database.begin(_WRITING) as connection:
            for table, values in ((tables.record, records), (tables.head, heads)):
                if values:
                    await connection.exec_driver_sql(*_inserted(self.database.kind, table, values))

    async def newest_heads(self, since: int, *, besides: str) -> dict[str, tuple[int, str]]:
        """Find where other chains ended last, of those with a head since then (milliseconds since 1970)."""
        head = tables.head.c
        query = (
            sa.select(head.chain, head.position, head.link)
            .where(head.time >= since, head.chain != besides)
            .order_by(head.time)
        )
        async with self.database.begin() as connection:
            found = {row.chain: (row.position, row.link) for row in await connection.execute(query)}
        return dict(list(found.items())[-_OTHERS:])


def as_values(row: Row) -> tuple[Any, ...]:
    """Write a row as the columns of its table."""
    return (row.chain, row.position, row.row_hash, row.link, row.receipt, *(row.contents or _BLANK))


def row_of(values: Sequence[Any]) -> Row:
    """Read a row from the columns of its table."""
    chain, position, row_hash, link, receipt, salt = values[:6]
    return Row(chain, position, row_hash, link, None if salt is None else Contents._make(values[5:]), receipt)


def hashed_of(values: Sequence[Any]) -> Hashed:
    """Read a row from the columns of its table, and hash what it says: nobody else is to have that."""
    chain, position, row_hash, link, receipt, salt = values[:6]
    return Hashed(chain, position, row_hash, link, None if salt is None else hash_of(values[5:]), receipt)


def _inserted(kind: Kind, table: sa.Table, values: Sequence[tuple[Any, ...]]) -> tuple[str, Any]:
    """Say how rows get into a table, and with which values."""
    if kind == "postgresql":
        # All in one value: as columns of their own, the driver takes three times as long for them.
        return _from_json(table), (orjson.dumps(values, default=bytes.hex).decode(),)
    return _from_rows(table), list(values)


# Written by hand: this is done for every answer, and the statements are always the same.
@lru_cache
def _from_json(table: sa.Table) -> str:
    columns = ", ".join(_out_of_json(number, column) for number, column in enumerate(table.c))
    return (
        f"INSERT INTO {_named(table)} SELECT {columns} FROM jsonb_array_elements($1::jsonb) said"  # noqa: S608
        " ON CONFLICT DO NOTHING"
    )


def _out_of_json(number: int, column: sa.Column[Any]) -> str:
    word = f"said->>{number}"
    if isinstance(column.type, sa.LargeBinary):
        return f"decode({word}, 'hex')"
    if isinstance(column.type, sa.Integer):
        return f"({word})::{column.type}"
    # As a text without a length: to a shorter type a value would be cut, and so it is refused.
    return word


@lru_cache
def _from_rows(table: sa.Table) -> str:
    places = ", ".join("?" * len(table.c))
    return f"INSERT INTO {_named(table)} VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608


def _named(table: sa.Table) -> str:
    names = ", ".join(f'"{name}"' for name in table.c.keys())  # noqa: SIM118  columns are no mapping
    return f"{table.name} ({names})"
