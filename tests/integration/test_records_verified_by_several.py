"""Several processes that read a database find what one finds, in one moment, and say when they cannot."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.database.connecting import Database, open_database
from veriaidpo_gateway.records import moment
from veriaidpo_gateway.records.exporting import proven
from veriaidpo_gateway.records.findings import Finding, Kind
from veriaidpo_gateway.records.moment import Opened
from veriaidpo_gateway.records.rows import Row, beginning, chained
from veriaidpo_gateway.records.signing import Head, PublicKeys, Signer
from veriaidpo_gateway.records.store import RecordStore
from veriaidpo_gateway.records.workers import WorkerError, Workers, cores

from ..gateway.chains import contents
from ..gateway.recording import signing_key
from ..gateway.test_records_erased import Place, of

ROWS, CHAIN = 12_000, "c0ffee0000000001"
READ_AT_ONCE = 5_000


@pytest.fixture(params=["sqlite", "postgresql"])
async def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, Database]]:
    """An empty database: where it is, and it itself. Few rows are read by several processes, too."""
    monkeypatch.setattr(moment, "WORTH_IT", 1)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")[1]
    else:
        url = f"sqlite:///{tmp_path / 'records.db'}"
        with sqlite3.connect(tmp_path / "records.db") as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # as in PostgreSQL, who writes waits for no reader
        connection.close()
    async with open_database(url) as database:
        await RecordStore(database).prepare()
        yield url, database


async def written(database: Database, folder: Path) -> PublicKeys:
    """Write a chain that takes three parts, with a head that closes it."""
    key, public = signing_key(folder)
    rows: list[Row] = list(chained(CHAIN, beginning(CHAIN), map(contents, range(ROWS))))
    head = Head(CHAIN, ROWS, rows[-1].link.hex(), 1, closed=True)
    signed = (CHAIN, ROWS, 1, 1, head.link, Signer(key, "KEY").sign(head))
    await RecordStore(database).write(rows, [signed])
    return public


async def test_what_was_done_where_one_part_ends_is_found(
    opened: tuple[str, Database], tmp_path: Path
) -> None:
    url, database = opened
    public = await written(database, tmp_path)

    def found(jobs: int) -> Any:
        with Opened(url, jobs) as several:
            said = several.verified(public)
            assert several.others == (jobs if jobs > 1 else 0)
            return said

    assert not (await asyncio.to_thread(found, 3))[0].findings
    async with database.begin() as connection:
        for change in (
            f"UPDATE decision_record SET label = 'l3' WHERE position IN (1, {READ_AT_ONCE}, {ROWS})",
            f"DELETE FROM decision_record WHERE position = {READ_AT_ONCE + 1}",
            "UPDATE decision_record SET salt = NULL WHERE position = 7000",
        ):
            await connection.exec_driver_sql(change)
    one, several = [await asyncio.to_thread(found, jobs) for jobs in (1, 3)]
    assert several == one
    assert list(several[0].findings) == [
        Finding(Kind.CHANGED, CHAIN, 1, 1),
        Finding(Kind.CHANGED, CHAIN, READ_AT_ONCE, READ_AT_ONCE),
        Finding(Kind.REMOVED, CHAIN, READ_AT_ONCE + 1, READ_AT_ONCE + 1),
        Finding(Kind.ERASED_WITHOUT_RECEIPT, CHAIN, 7000, 7000),
        Finding(Kind.CHANGED, CHAIN, ROWS, ROWS),
    ]


async def test_all_of_them_see_one_moment(
    opened: tuple[str, Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, database = opened
    place = Place(tmp_path, database)
    await place.written(of("t1", 1), of("t2", 2))
    loop = asyncio.get_running_loop()

    def erased_meanwhile(*said: Any) -> Any:
        erased = asyncio.run_coroutine_threadsafe(place.sweeper.erase("t1"), loop).result()
        assert erased.rows == 1
        return proven(*said)

    def look() -> tuple[Any, int]:
        with Opened(url, 2) as several:
            found = several.verified(place.public)
            assert several.others == 2
            return found

    with monkeypatch.context() as patch:
        patch.setattr("veriaidpo_gateway.records.moment.proven", erased_meanwhile)
        report, _ = await asyncio.to_thread(look)
    assert (report.findings, report.rows, report.erased) == ({}, 2, 0)
    report, _ = await asyncio.to_thread(look)
    assert (report.findings, report.rows, report.erased) == ({}, 2, 1)


async def test_a_process_that_is_ended_ends_the_proof(opened: tuple[str, Database], tmp_path: Path) -> None:
    url, database = opened
    await written(database, tmp_path)

    def read() -> None:
        workers = Workers(url, 2)
        try:
            workers.take(None)
            workers.processes[1].kill()
            workers.processes[1].join()
            with pytest.raises(WorkerError, match="was ended"):
                list(workers.hashed([("", 0)] * 4))
        finally:
            workers.close()
        assert [process.is_alive() for process in workers.processes] == [False, False]

    await asyncio.to_thread(read)


async def test_a_database_that_holds_no_records_is_said(tmp_path: Path) -> None:
    def read() -> None:
        workers = Workers(f"sqlite:///{tmp_path / 'empty.db'}", 1)
        try:
            workers.take(None)
            with pytest.raises(WorkerError, match="OperationalError"):
                list(workers.hashed([("", 0)]))
        finally:
            workers.close()

    await asyncio.to_thread(read)


def test_there_is_one_process_a_core_and_no_more_than_are_of_use() -> None:
    assert 1 <= cores() <= 4
