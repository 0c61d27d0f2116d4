"""Erasing what records say: their hashes stay, and a signed receipt tells which had to go and why."""

import secrets
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import Literal

import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.erased import digest_of
from veriaidpo_gateway.records.rows import Contents
from veriaidpo_gateway.records.signing import Receipt, Signer

TOGETHER = 2_000
"""Rows that are erased at once, with one receipt: all of them or none."""

Reason = Literal["request", "retention"]

_SECONDS = 20.0
_ORDERED = 10.0


class Eraser:
    """Erases; DatabaseAwayError whenever the database is. All times in milliseconds since 1970."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database, self._signer = database, signer

    async def order(self, tenant: str, before: int) -> None:
        """Note that all of a tenant's data of before then has to go, whenever and wherever it turns up."""
        table = tables.erasure
        # One statement: two that are ordered at once must not both find that there is none yet.
        order = self._database.insert(table).values(tenant=tenant, before=before)
        order = order.on_conflict_do_update(
            index_elements=[table.c.tenant],
            set_={"before": order.excluded.before},
            where=table.c.before < order.excluded.before,
        )
        async with self._database.begin(_ORDERED) as connection:
            await connection.execute(order)

    async def ordered(self) -> dict[str, int]:
        """Return up to when which tenant's data has to go."""
        async with self._database.begin() as connection:
            found = await connection.execute(sa.select(tables.erasure))
            return {row.tenant: row.before for row in found}

    async def tenants(self) -> AsyncIterator[str]:
        """Yield who has records, by an index that is skipped through."""
        tenant = tables.record.c.tenant
        last = ""
        while True:
            async with self._database.begin() as connection:
                found = await connection.scalar(sa.select(sa.func.min(tenant)).where(tenant > last))
            if found is None:
                return
            yield found
            last = found

    async def left(self, tenant: str, before: int) -> bool:
        """Say whether a tenant has records of before then, also such as somebody is erasing just now."""
        record = tables.record.c
        some = sa.exists().where(record.tenant == tenant, record.time < before)
        async with self._database.begin(_ORDERED) as connection:
            return bool(await connection.scalar(sa.select(some)))

    async def erase(self, tenant: str, before: int, reason: Reason, now: int) -> tuple[int, str] | None:
        """Erase some of a tenant's records of before then; how many, and the receipt. None: none is free."""
        record = tables.record
        some = (
            sa.select(record.c.chain, record.c.position)
            .where(record.c.tenant == tenant, record.c.time < before)
            .limit(TOGETHER)
            .with_for_update(skip_locked=True)
        )
        receipt_id = secrets.token_hex(16)
        blank = (
            sa.update(record)
            .where(sa.tuple_(record.c.chain, record.c.position).in_(some))
            .values(receipt=receipt_id, **dict.fromkeys(Contents._fields))
            .returning(record.c.chain, record.c.position, record.c.row_hash)
        )
        async with self._database.begin(_SECONDS) as connection:
            gone = sorted(tuple(row) for row in await connection.execute(blank))
            if not gone:
                return None
            receipt = Receipt(receipt_id, tenant, reason, before, now, len(gone), _chains(gone))
            signed = self._signer.sign(receipt)
            values = {"id": receipt_id, "tenant": tenant, "time": now, "signed": signed}
            await connection.execute(sa.insert(tables.receipt), [values])
        return len(gone), signed


def _chains(gone: Sequence[tuple[str, int, bytes]]) -> dict[str, tuple[int, str]]:
    found = {}
    for chain, rows in groupby(gone, lambda row: row[0]):
        hashes = [row_hash for _, _, row_hash in rows]
        found[chain] = (len(hashes), digest_of(hashes))
    return found
