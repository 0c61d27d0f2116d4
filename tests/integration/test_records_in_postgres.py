"""Decision records in a real PostgreSQL, where several replicas write and erase at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from veriaidpo_gateway.database.connecting import Database, open_database
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.rows import Contents, beginning, chained
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.store import RecordStore

TENANT, LATER = "t1", 10**15


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Signer(tmp_path / "key.pem", "KEY")


@pytest.fixture
async def replicas(postgres: Any) -> AsyncIterator[list[Database]]:
    """Some, with three records of one tenant."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_database(postgres[1])) for _ in range(6)]
        store = RecordStore(opened[0])
        await store.prepare()
        blank = dict.fromkeys(Contents._fields, "")
        numbers: dict[str, Any] = {
            "time": 1, "item": None, "category_id": 1, "confidence": 1, "threshold": None, "needs_review": 0,
            "cached": 0,
        }  # fmt: skip
        said = Contents(**{**blank, **numbers, "tenant": TENANT})
        await store.write(list(chained("c" * 16, beginning("c" * 16), [said] * 3)))
        yield opened


async def test_two_first_orders_at_once_are_both_taken(replicas: list[Database], signer: Signer) -> None:
    for tenant in ("t2", "t3", "t4"):
        orders = (Eraser(one, signer).order(tenant, before) for before, one in enumerate(replicas))
        await asyncio.gather(*orders)
    last = len(replicas) - 1
    assert await Eraser(replicas[0], signer).ordered() == dict.fromkeys(("t2", "t3", "t4"), last)


async def test_rows_that_another_replica_is_at_are_left(replicas: list[Database], signer: Signer) -> None:
    eraser = Eraser(replicas[1], signer)
    async with replicas[0].begin() as connection:
        await connection.execute(sa.select(tables.record.c.position).with_for_update())
        assert await eraser.erase(TENANT, LATER, "request", 1) is None
        assert await eraser.left(TENANT, LATER)
    assert await eraser.erase(TENANT, LATER, "request", 1) is not None
    assert not await eraser.left(TENANT, LATER)


async def test_an_export_is_of_one_moment(replicas: list[Database], signer: Signer) -> None:
    async with replicas[0].snapshot() as moment:
        reader = RecordReader(moment)
        await moment.take()
        assert await Eraser(replicas[1], signer).erase(TENANT, LATER, "request", 1) is not None
        assert all(row.contents is not None for row in await reader.chained())
        assert not await reader.receipts(None)
    reader = RecordReader(replicas[1])
    assert all(row.contents is None for row in await reader.chained())
    assert len(await reader.receipts(None)) == 1
    assert len(await reader.receipts(TENANT)) == 1
    assert not await reader.receipts("t2")
