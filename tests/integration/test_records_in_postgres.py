"""Decision records in a real PostgreSQL, where several replicas write and erase at once."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.database.connecting import Database, DatabaseAwayError, open_database
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.answered import SubjectHash, TextHash
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.looking import Wanted
from veriaidpo_gateway.records.moment import Opened
from veriaidpo_gateway.records.ordering import Order, Orders
from veriaidpo_gateway.records.reading import LOOKED_THROUGH, RecordReader
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.rows import Contents, Row, beginning, chained
from veriaidpo_gateway.records.signing import Head, PublicKeys, Signer
from veriaidpo_gateway.records.store import RecordStore, row_of
from veriaidpo_gateway.records.sweeping import SWEEP_EVERY, Sweeper

from ..gateway.test_records_erased import erased_together, only_what_had_to_go_changes, who_asked, who_goes

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TENANT, LATER = "t1", 10**15
ORDER, SUBJECT_HASH = Order(TENANT, LATER), SubjectHash(b"k" * 32)
CHAIN = "c" * 16
NOW, DAY = 1_795_000_000, 86_400


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Signer, PublicKeys]:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Signer(tmp_path / "key.pem", "KEY"), PublicKeys(public)


@pytest.fixture
def signer(keys: tuple[Signer, PublicKeys]) -> Signer:
    return keys[0]


def said(tenant: str, time: int = 1) -> Contents:
    """What a record says that matters here; `time` in milliseconds."""
    blank = dict.fromkeys(Contents._fields, "")
    numbers: dict[str, Any] = {
        "time": time, "item": None, "category_id": 1, "confidence": 1, "threshold": None, "needs_review": 0,
        "cached": 0, "answers": None,
    }  # fmt: skip
    return Contents(**{**blank, **numbers, "tenant": tenant})


@pytest.fixture
async def replicas(postgres: Any) -> AsyncIterator[list[Database]]:
    """Some, with three records of one tenant."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_database(postgres[1])) for _ in range(6)]
        store = RecordStore(opened[0])
        await store.prepare()
        await store.write(list(chained(CHAIN, beginning(CHAIN), [said(TENANT)] * 3)))
        yield opened


async def test_rows_get_in_although_the_server_has_ended_every_connection(replicas: list[Database]) -> None:
    store, chain = RecordStore(replicas[0]), "f" * 16
    first, second = chained(chain, beginning(chain), [said(TENANT), said(TENANT)])
    await store.write([first])
    ending = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with replicas[1].begin() as connection:
        ended = (await connection.execute(sa.text(ending))).scalars().all()
    assert ended, "there was none to end"
    await store.write([second])
    assert [row.position for row in await RecordReader(replicas[1]).chained((chain, 0))] == [1, 2]


async def test_what_does_not_fit_is_refused_and_not_cut(replicas: list[Database]) -> None:
    too_long = said("t" * 65)
    with pytest.raises(DatabaseAwayError):
        await RecordStore(replicas[0]).write(list(chained("d" * 16, beginning("d" * 16), [too_long])))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words, words, st.none() | st.integers(0, 10**6)), min_size=1, max_size=9))
def test_what_is_read_is_what_was_written_whatever_it_says(
    postgres: Any, answers: list[tuple[str, str, int | None]]
) -> None:
    chain = secrets.token_hex(8)
    records = [
        said("t1")._replace(subject=subject, label=label, confidence=number)
        for subject, label, number in answers
    ]
    rows = list(chained(chain, beginning(chain), records))

    async def written() -> list[Row]:
        async with open_database(postgres[1]) as database:
            store = RecordStore(database)
            await store.prepare()
            await store.write(rows)
            return await RecordReader(database).chained((chain, 0))

    assert asyncio.run(written())[: len(rows)] == rows


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(who_asked, who_goes, erased_together)
def test_nothing_of_another_tenant_or_person_is_touched_and_the_chain_still_proves(
    postgres: Any, asked: list[tuple[str, str]], subject: str | None, together: int
) -> None:
    async def erase() -> None:
        async with open_database(postgres[1]) as database:
            await RecordStore(database).prepare()
            async with database.begin() as connection:
                names = ", ".join(table.name for table in tables.STEPS.tables.sorted_tables)
                await connection.exec_driver_sql(f"TRUNCATE {names}")
            await only_what_had_to_go_changes(database, asked, subject, together)

    asyncio.run(erase())


async def test_two_first_orders_at_once_are_both_taken(replicas: list[Database]) -> None:
    for tenant in ("t2", "t3", "t4"):
        orders = (Orders(one).add(Order(tenant, before)) for before, one in enumerate(replicas))
        await asyncio.gather(*orders)
    last = len(replicas) - 1
    assert await Orders(replicas[0]).of_tenants(0) == dict.fromkeys(("t2", "t3", "t4"), last)


async def test_rows_that_another_replica_is_at_are_left(replicas: list[Database], signer: Signer) -> None:
    eraser = Eraser(replicas[1], signer, SUBJECT_HASH)
    async with replicas[0].begin() as connection:
        await connection.execute(sa.select(tables.record.c.position).with_for_update())
        assert await eraser.erase(ORDER, 1) is None
        assert await eraser.left(ORDER)
    assert await eraser.erase(ORDER, 1) is not None
    assert not await eraser.left(ORDER)


async def test_an_export_is_of_one_moment(replicas: list[Database], signer: Signer) -> None:
    async with replicas[0].snapshot() as moment:
        reader = RecordReader(moment)
        await moment.take()
        assert await Eraser(replicas[1], signer, SUBJECT_HASH).erase(ORDER, 1) is not None
        assert all(row.contents is not None for row in await reader.chained())
        assert not await reader.receipts(None)
    reader = RecordReader(replicas[1])
    assert all(row.contents is None for row in await reader.chained())
    assert len(await reader.receipts(None)) == 1
    assert len(await reader.receipts(TENANT)) == 1
    assert not await reader.receipts("t2")


def of_several(number: int, types: tuple[str, ...]) -> Contents:
    """What the record of a text says that so many classifiers got."""
    answers = [{"model": "m", "model_type": one, "revision": "5" * 64, "label": "l"} for one in types]
    written = orjson.dumps(answers).decode()
    alone = said("t2", number)._replace(request_id=f"r{number}", answers=written)
    return alone._replace(model=None, model_type=None, revision=None, label=None)


async def test_an_answer_among_several_is_found_by_an_index_and_not_by_going_through_all(
    replicas: list[Database],
) -> None:
    chain, sent = "e" * 16, list[tuple[str, Any]]()
    store, reader = RecordStore(replicas[0]), RecordReader(replicas[0])
    rare, usual = ("principles", "consent"), ("principles",)
    many = [of_several(number, usual if number % 1000 else rare) for number in range(1, 10_001)]
    await store.write(list(chained(chain, beginning(chain), many)))
    async with replicas[0].begin(30.0) as connection:
        await connection.execute(sa.text("ANALYZE decision_record"))
    engine = replicas[0]._engine.sync_engine  # what reaches the driver
    sa.event.listen(engine, "before_cursor_execute", lambda *told: sent.append(told[2:4]))
    wanted, found, pages, after = Wanted(model_type="consent", revision="5" * 64), list[str](), 0, None
    while True:
        page = await reader.page("t2", wanted, limit=50, after=after)
        found += [row.contents.request_id for row in page.rows if row.contents]
        pages, after = pages + 1, page.after
        if after is None:
            break
    assert found == [f"r{number}" for number in range(10_000, 0, -1000)]
    assert pages == 10_000 // LOOKED_THROUGH + 1
    async with replicas[0].begin() as connection:
        for statement, values in [one for one in sent if one[0].startswith("SELECT")][:4]:
            plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
            said_so = "\n".join(plan.scalars())
            assert "decision_record_of_type" in said_so, said_so
            assert "Seq Scan" not in said_so


async def test_of_many_replicas_at_once_one_has_the_turn(replicas: list[Database]) -> None:
    for now in (NOW, NOW + 60_000):
        turns = await asyncio.gather(*(Orders(one).turn(now, 60_000) for one in replicas))
        assert sorted(turns) == [*[False] * (len(replicas) - 1), True]


async def test_orders_are_due_as_long_as_there_is_something_of_theirs(
    replicas: list[Database], signer: Signer
) -> None:
    orders, eraser = Orders(replicas[0]), Eraser(replicas[0], signer, SUBJECT_HASH)
    of_a_person, of_nobody = Order(TENANT, LATER, ""), Order(TENANT, LATER, "nobody")
    for order in (of_a_person, of_nobody, Order("t2", LATER), Order(TENANT, 1)):
        await orders.add(order)
    assert await orders.due() == [of_a_person]
    assert await eraser.erase(of_a_person, 1) is not None
    assert await orders.due() == []
    await orders.forget_subjects(LATER + 1)
    assert await orders.due() == []


class Days(dict[str, int]):
    """For how many days which tenant's records are kept."""

    def record_days(self, tenant: str) -> int:
        return self.get(tenant, 0)

    def some_record_days(self) -> bool:
        return bool(self)


class Uncounted:
    def inc(self, amount: float = 1) -> None:
        """Count nothing."""


def proven(url: str, public: PublicKeys) -> tuple[Report, int]:
    with Opened(url) as opened:
        return opened.verified(public)


async def test_what_is_too_old_and_what_was_ordered_goes_and_the_chain_is_proven(
    postgres: Any, keys: tuple[Signer, PublicKeys]
) -> None:
    (_, url), (signer, public), now = postgres, keys, [float(NOW)]
    ages = {"short": 40, "long": 40, "asked": 1, "young": 20}
    kept = {"short": 30, "long": 365, "young": 30}
    async with open_database(url) as database:
        store = RecordStore(database)
        await store.prepare()
        answers = [said(tenant, 1000 * (NOW - days * DAY)) for tenant, days in ages.items()] * 3
        rows = list(chained(CHAIN, beginning(CHAIN), answers))
        head = Head(CHAIN, len(rows), rows[-1].link.hex(), 1000 * NOW, closed=True)
        await store.write(rows, [(CHAIN, len(rows), 1, head.time, head.link, signer.sign(head))])
        counts = Counts(Uncounted(), Uncounted(), Uncounted())
        recorder = Recorder(store, signer=signer, text_hash=TextHash(b"k" * 32), counts=counts)
        eraser = Eraser(database, signer, SUBJECT_HASH)
        sweeper = Sweeper(Orders(database), eraser, recorder, Days(kept), clock=lambda: now[0])
        erased = await sweeper.erase("asked")
        assert (erased.rows, erased.complete) == (3, True)
        for _ in range(2):
            await sweeper.refresh()
            now[0] += SWEEP_EVERY
        await recorder.close()
        async with database.begin() as connection:
            found = await connection.execute(sa.select(tables.record).order_by(tables.record.c.position))
            after = [row_of(row) for row in found]
    for before, row in zip(rows, after, strict=True):
        assert before.contents is not None
        if before.contents.tenant in ("long", "young"):
            assert row == before
        else:
            assert row == before._replace(contents=None, receipt=row.receipt)
    report, forged = await asyncio.to_thread(proven, url, public)
    assert (report.findings, report.rows, report.erased, forged) == ({}, 12, 6, 0)
