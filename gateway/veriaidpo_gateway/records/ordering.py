"""What has to go: orders to erase a tenant's data, or one person's, kept for rows that turn up later."""

from typing import Literal, NamedTuple

import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.records import tables

Reason = Literal["request", "retention"]

_ORDERED = 10.0
_TURN = "all"


class Order(NamedTuple):
    """All of a tenant's records of before then, or one subject's; milliseconds since 1970."""

    tenant: str
    before: int
    subject: str | None = None
    reason: Reason = "request"

    def fits(self) -> sa.ColumnElement[bool]:
        """Say which records have to go by it."""
        record = tables.record.c
        theirs = sa.true() if self.subject is None else record.subject == self.subject
        return sa.and_(record.tenant == self.tenant, theirs, record.time < self.before)


class Orders:
    """Keeps orders; DatabaseAwayError whenever the database is. All times in milliseconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, order: Order) -> None:
        """Note what has to go, whenever and wherever it turns up."""
        table, whose = tables.erasure, {"tenant": order.tenant}
        if order.subject is not None:
            table, whose = tables.subject_erasure, {**whose, "subject": order.subject}
        # One statement: two that are ordered at once must not both find that there is none yet.
        adding = self._database.insert(table).values(**whose, before=order.before)
        adding = adding.on_conflict_do_update(
            index_elements=[table.c[name] for name in whose],
            set_={"before": adding.excluded.before},
            where=table.c.before < adding.excluded.before,
        )
        async with self._database.begin(_ORDERED) as connection:
            await connection.execute(adding)

    async def of_tenants(self, since: int) -> dict[str, int]:
        """Return up to when which tenant's data has to go, of what was ordered since then."""
        table = tables.erasure
        async with self._database.begin() as connection:
            found = await connection.execute(sa.select(table).where(table.c.before >= since))
            return {row.tenant: row.before for row in found}

    async def due(self) -> list[Order]:
        """Find the orders of which there are records, of all that are known."""
        found = []
        for table in (tables.erasure, tables.subject_erasure):
            async with self._database.begin(_ORDERED) as connection:
                rows = await connection.execute(sa.select(table).where(_left(table)))
                found += [Order(**row) for row in rows.mappings()]
        return found

    async def forget_subjects(self, before: int) -> None:
        """Forget whose data had to go by an order of before then."""
        table = tables.subject_erasure
        async with self._database.begin(_ORDERED) as connection:
            await connection.execute(sa.delete(table).where(table.c.before < before))

    async def turn(self, now: int, every: int) -> bool:
        """Say whether it is this replica's turn: nobody else had one in the last `every` milliseconds."""
        table = tables.sweep
        taking = self._database.insert(table).values(name=_TURN, time=now)
        taking = taking.on_conflict_do_update(
            index_elements=[table.c.name],
            set_={"time": taking.excluded.time},
            # Somebody's clock may be wrong: a turn that is to come is none.
            where=sa.not_(table.c.time.between(now - every + 1, now + every)),
        )
        async with self._database.begin(_ORDERED) as connection:
            return (await connection.execute(taking.returning(table.c.time))).first() is not None


def _left(table: sa.Table) -> sa.ColumnElement[bool]:
    record = tables.record.c
    theirs = record.subject == table.c.subject if "subject" in table.c else sa.true()
    # Not `exists`: of that a planner may make one way through all records.
    one = sa.select(record.position).where(
        record.tenant == table.c.tenant, theirs, record.time < table.c.before
    )
    return one.limit(1).scalar_subquery().is_not(None)
