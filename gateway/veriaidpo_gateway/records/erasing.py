"""Erasing what records say: their hashes stay, and a signed receipt tells which had to go and why."""

import secrets
from collections.abc import AsyncIterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.answered import SubjectHash
from veriaidpo_gateway.records.erased import digest_of
from veriaidpo_gateway.records.ordering import Order
from veriaidpo_gateway.records.rows import Contents
from veriaidpo_gateway.records.signing import Receipt, Signer

TOGETHER = 2_000
"""Rows that are erased at once, with one receipt: all of them or none."""

_SECONDS = 20.0
_ASKED = 10.0


class Eraser:
    """Erases; DatabaseAwayError whenever the database is. All times in milliseconds since 1970."""

    def __init__(self, database: Database, signer: Signer, subject_hash: SubjectHash) -> None:
        self._database, self._signer, self._subject_hash = database, signer, subject_hash

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

    async def left(self, order: Order) -> bool:
        """Say whether records have to go, also such as somebody is erasing just now."""
        some = sa.exists(tables.record.c.position).where(order.fits())
        async with self._database.begin(_ASKED) as connection:
            return bool(await connection.scalar(sa.select(some)))

    async def erase(self, order: Order, now: int) -> tuple[int, str] | None:
        """Erase some of what has to go; how many records, and the receipt. None: none is free."""
        record = tables.record
        some = (
            sa.select(record.c.chain, record.c.position)
            .where(order.fits())
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
            signed = self._signer.sign(self._receipt(receipt_id, order, now, gone))
            values = {"id": receipt_id, "tenant": order.tenant, "time": now, "signed": signed}
            await connection.execute(sa.insert(tables.receipt), [values])
        return len(gone), signed

    def _receipt(self, name: str, order: Order, now: int, gone: Sequence[tuple[str, int, bytes]]) -> Receipt:
        tenant, before, subject, reason = order
        whose = None if subject is None else self._subject_hash(tenant, subject)
        return Receipt(name, tenant, reason, before, now, len(gone), _chains(gone), whose)


def _chains(gone: Sequence[tuple[str, int, bytes]]) -> dict[str, tuple[int, str]]:
    found = {}
    for chain, rows in groupby(gone, lambda row: row[0]):
        hashes = [row_hash for _, _, row_hash in rows]
        found[chain] = (len(hashes), digest_of(hashes))
    return found
