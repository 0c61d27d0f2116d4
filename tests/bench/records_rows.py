"""How fast many records are written, verified and read: generated rows, as a replica writes them."""

import asyncio
import itertools
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records.exporting import Export, read
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.looking import Wanted
from veriaidpo_gateway.records.moment import Opened
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.recorder import TOGETHER
from veriaidpo_gateway.records.rows import Contents, End, Row, beginning, chained
from veriaidpo_gateway.records.signing import Head, PublicKeys, Signer
from veriaidpo_gateway.records.store import RecordStore, as_values
from veriaidpo_gateway.records.tables import record
from veriaidpo_gateway.records.workers import cores, without_cycles

CHAINS = 4
TENANTS = 20
HEAD_EVERY = 20_000
"""Rows between two heads: with 5,000 written a second one a minute has more."""

LAST = 50_000
"""Rows that are written as a replica writes them, and measured; those before are there already."""

MOST_EXPORTED = 1_000_000
AT_ONCE = 50_000
PAGES = 20
BEGUN = 1_795_000_000_000

Written = tuple[list[Row], list[tuple[Any, ...]]]
"""Rows, and the heads after them."""


def in_database(url: str, signer: Signer, public: PublicKeys, many: int) -> dict[str, Any]:
    """Measure so many rows in a database that is empty."""
    written = asyncio.run(_write(url, many, signer))
    print(f"written: {written:,.0f} rows a second", flush=True)
    begun = time.perf_counter()
    with Opened(url, cores()) as opened, without_cycles():
        _proven(many, *opened.verified(public))
    verified = many / (time.perf_counter() - begun)
    print(f"verified: {verified:,.0f} rows a second", flush=True)
    return {"rows": many, "written": written, "verified": verified, "pages_ms": asyncio.run(_pages(url))}


def in_an_export(file: Path, signer: Signer, public: PublicKeys, many: int) -> dict[str, Any]:
    """Measure an export of so many rows, MOST_EXPORTED at most."""
    many = min(many, MOST_EXPORTED)
    heads: list[str] = []
    rows = [row for some, signed in _generated(many, signer, heads) for row in some]
    begun = time.perf_counter()
    with file.open("wb") as out:
        out.writelines(Export(heads, [], rows).written())
    exported = many / (time.perf_counter() - begun)
    del rows
    begun = time.perf_counter()
    with file.open("rb") as lines, without_cycles():
        _proven(many, *read(lines).verified(public))
    verified = many / (time.perf_counter() - begun)
    file.unlink()
    print(f"exported: {exported:,.0f}, verified: {verified:,.0f} rows a second", flush=True)
    return {"rows": many, "exported": exported, "verified": verified}


def _proven(many: int, report: Report, forged: int) -> None:
    assert not report.findings, report.findings
    assert (report.rows, forged, report.unsigned_rows) == (many, 0, 0)


def _contents(number: int, salt: str) -> Contents:
    """Make a row as a classification leaves it: one in a hundred needs a review."""
    review = number % 100 == 0
    return Contents(
        salt, BEGUN + number, f"{salt[:8]}-0000-4000-8000-{number:012d}", None, f"tenant-{number % TENANTS}",
        f"user-{number % 997}", "principles-vi", "principles" if number % 3 else "consent", "vi", "5" * 64,
        "lawfulness", number % 8, 500_000 if review else 900_000, 700_000, int(review), number % 2, "3:1f9a",
        salt + salt,
    )  # fmt: skip


def _generated(many: int, signer: Signer, signed: list[str]) -> Iterator[Written]:
    """Yield what a replica writes at once, from several chains, one behind the other; `signed` gets heads."""
    for index in range(CHAINS):
        chain, first, last = secrets.token_hex(8), many * index // CHAINS, many * (index + 1) // CHAINS
        end, signed_at = beginning(chain), 0
        for start in range(first, last, TOGETHER):
            numbers = range(start, min(start + TOGETHER, last))
            rows = list(chained(chain, end, (_contents(one, secrets.token_hex(16)) for one in numbers)))
            end, heads = End(rows[-1].position, rows[-1].link), []
            closed = numbers[-1] == last - 1
            if closed or end.position - signed_at >= HEAD_EVERY:
                signed_at = end.position
                head = Head(chain, end.position, end.link.hex(), BEGUN + numbers[-1], closed)
                signed.append(signer.sign(head))
                heads = [(chain, end.position, int(closed), head.time, head.link, signed[-1])]
            yield rows, heads


async def _write(url: str, many: int, signer: Signer) -> float:
    """Put all rows but the last in at once, and those as a replica does: how many of these in a second."""
    async with open_database(url) as database:
        store = RecordStore(database)
        await store.prepare()
        coming = _generated(many, signer, [])
        before = itertools.islice(coming, (many - LAST) // TOGETHER)
        await (_into_postgresql(url, before) if database.kind == "postgresql" else _into_sqlite(url, before))
        rows, begun = 0, time.perf_counter()
        for some, heads in coming:
            await store.write(some, heads)
            rows += len(some)
        return rows / (time.perf_counter() - begun)


def _many(before: Iterator[Written]) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    while some := list(itertools.islice(before, AT_ONCE // TOGETHER)):
        yield (
            [as_values(row) for rows, _ in some for row in rows],
            [one for _, heads in some for one in heads],
        )


async def _into_postgresql(url: str, before: Iterator[Written]) -> None:
    """Put rows in, and make the indexes afterwards."""
    connection = await asyncpg.connect(url)
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes "
        "WHERE tablename = 'decision_record' AND indexname != 'decision_record_pkey'"
    )
    for name, _ in indexes:
        await connection.execute(f"DROP INDEX {name}")
    for rows, heads in _many(before):
        await connection.copy_records_to_table("decision_record", records=rows, columns=list(record.c.keys()))
        await connection.executemany("INSERT INTO record_head VALUES ($1, $2, $3, $4, $5, $6)", heads)
    for _, definition in indexes:
        await connection.execute(definition)
    await connection.execute("VACUUM (ANALYZE) decision_record")
    await connection.close()


async def _into_sqlite(url: str, before: Iterator[Written]) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    places = ", ".join("?" * len(record.c))
    for rows, heads in _many(before):
        with connection:
            connection.executemany(f"INSERT INTO decision_record VALUES ({places})", rows)
            connection.executemany("INSERT INTO record_head VALUES (?, ?, ?, ?, ?, ?)", heads)
    connection.close()


async def _pages(url: str) -> dict[str, list[float]]:
    """Read pages of several tenants; milliseconds of each, by what is looked for."""
    wanted = {
        "newest": Wanted(),
        "for review": Wanted(needs_review=True),
        "of a type": Wanted(model_type="consent"),
        "of a revision that is not there": Wanted(revision="6" * 64),
        "of a type and a revision that is not there": Wanted(model_type="consent", revision="6" * 64),
        "of a user": Wanted(subject="user-7"),
        "of a request that is not there": Wanted(request_id="none"),
    }
    found: dict[str, list[float]] = {}
    async with open_database(url) as database:
        reader = RecordReader(database)
        for name, one in wanted.items():
            found[name] = [await _page(reader, f"tenant-{number % TENANTS}", one) for number in range(PAGES)]
    return found


async def _page(reader: RecordReader, tenant: str, wanted: Wanted) -> float:
    """Read a page and the one after it."""
    begun = time.perf_counter()
    _, after = await reader.page(tenant, wanted, limit=50)
    if after is not None:
        await reader.page(tenant, wanted, limit=50, after=after)
    return (time.perf_counter() - begun) * 1e3 / (1 if after is None else 2)
