"""What records need in a test: a key that signs, counters, and everything that a database holds of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.rows import Contents, Row, hashed
from veriaidpo_gateway.records.signing import PublicKeys
from veriaidpo_gateway.records.store import row_of
from veriaidpo_gateway.records.verify import verify


def signing_key(folder: Path) -> tuple[Path, PublicKeys]:
    """Make a private key in a file, and what reads its signatures."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / "records-key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "records-public.pem").write_bytes(public)
    return file, PublicKeys(public)


@dataclass
class Counted:
    """A counter that can be read."""

    value: float = 0.0

    def inc(self, amount: float = 1) -> None:
        self.value += amount


def counts() -> Counts:
    return Counts(Counted(), Counted(), Counted())


class Days(dict[str, int]):
    """For how many days which tenant's records are kept."""

    def record_days(self, tenant: str) -> int:
        return self.get(tenant, 0)

    def some_record_days(self) -> bool:
        return bool(self)


async def rows_in(database: Database) -> list[Row]:
    """Read every row, chain by chain."""
    async with database.begin() as connection:
        found = await connection.execute(
            sa.select(tables.record).order_by(tables.record.c.chain, tables.record.c.position)
        )
        return [row_of(row) for row in found]


async def verified(database: Database, public: PublicKeys) -> Report:
    """Verify all that is there, signatures too."""
    rows = await rows_in(database)
    async with database.begin() as connection:
        heads = list(await connection.scalars(sa.select(tables.head.c.signed)))
        receipts = list(await connection.scalars(sa.select(tables.receipt.c.signed)))
    return verify(map(hashed, rows), map(public.head, heads), map(public.receipt, receipts))


class Recording:
    """A gateway that records, and its database."""

    def __init__(self, gateway: Any, database: Database, public: PublicKeys) -> None:
        self.gateway, self.database, self.public = gateway, database, public

    async def records(self) -> list[Contents]:
        await self.gateway.refresh()
        return [row.contents for row in await rows_in(self.database) if row.contents is not None]
