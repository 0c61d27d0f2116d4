"""What is exported or verified is of one moment: what is erased meanwhile is not half there."""

import sqlite3
from pathlib import Path

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records.moment import Opened

from .test_records_erased import Place, of


async def test_rows_that_are_erased_after_the_receipts_were_read_are_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # as in PostgreSQL, who writes waits for no reader
    connection.close()
    url = f"sqlite:///{file}"
    async with open_database(url) as database:
        place = Place(tmp_path, database)
        await place.written(of("t1", 1), of("t2", 2))
        with Opened(url) as opened:
            export = opened.export()
            erased = await place.sweeper.erase("t1")
            report, forged = export.verified(place.public)
        assert erased.rows == 1
        assert (report.findings, report.rows, report.erased, forged) == ({}, 2, 0, 0)
        with Opened(url) as opened:
            report, _ = opened.verified(place.public)
        assert (report.findings, report.erased) == ({}, 1)
