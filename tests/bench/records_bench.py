"""What recording costs a gateway's answers, and how fast many records are written, verified and read.

    python -m bench.records_bench [--rows N] [--database postgresql|sqlite] [--only rows|cost]

Rows are generated, and written as a replica writes them: chained, 250 at a time, with a signed head now and
then. The cost is of two gateways before one upstream and one Redis, one of which records into a PostgreSQL;
they are asked in turns. Into build/bench.json under `records`, and into docs/performance.md.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import figures
from bench.cells import Cell, cell
from bench.figures import spread
from bench.measured_gateway import classify, gateway, redis_command
from bench.server import LOOPBACK, Server, free_port
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from integration.postgres_process import PostgresProcess

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records.command import Opened
from veriaidpo_gateway.records.reading import RecordReader, Wanted, place_of
from veriaidpo_gateway.records.recorder import TOGETHER
from veriaidpo_gateway.records.rows import Contents, End, Row, beginning, chained
from veriaidpo_gateway.records.signing import Head, PublicKeys, Signer
from veriaidpo_gateway.records.store import RecordStore

CHAINS = 4
TENANTS = 20
HEAD_EVERY = 50_000
CALLERS = 16
HERE = Path(__file__).parent
BEGUN = 1_795_000_000_000


def main() -> None:
    """Measure, print as it goes, and write."""
    parser = argparse.ArgumentParser(prog="bench.records_bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each figure of the cost")
    parser.add_argument("--only", choices=("rows", "cost"))
    chosen = parser.parse_args()
    found: dict[str, Any] = {"machine": figures.machine()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veriaidpo-records-")))
        folder.chmod(0o755)
        key, public = _keys(folder)
        (folder / "pg").mkdir()
        server = PostgresProcess(folder / "pg")
        stack.callback(server.stop)
        if chosen.only != "cost":
            url = (
                server.create("rows")
                if chosen.database == "postgresql"
                else f"sqlite:///{folder / 'rows.db'}"
            )
            found["rows"] = {"database": chosen.database, **_rows(url, key, public, chosen.rows)}
        if chosen.only != "rows":
            rounds = _cost(folder, server.create("cost"), key, chosen.rounds, chosen.seconds)
            found["cost"] = {"rounds": rounds, "load": os.getloadavg()[0]}
    figures.merge({"records": found})
    _write(found)


def _keys(folder: Path) -> tuple[Path, PublicKeys]:
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, PublicKeys(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _contents(number: int, salt: str) -> Contents:
    """Make a row as a classification leaves it: one in a hundred needs a review."""
    review = number % 100 == 0
    return Contents(
        salt, BEGUN + number, f"{salt[:8]}-0000-4000-8000-{number:012d}", None, f"tenant-{number % TENANTS}",
        f"user-{number % 997}", "principles-vi", "principles" if number % 3 else "consent", "vi", "5" * 64,
        "lawfulness", number % 8, 500_000 if review else 900_000, 700_000, int(review), number % 2, "3:1f9a",
        salt + salt,
    )  # fmt: skip


def _generated(many: int, signer: Signer) -> Iterator[tuple[list[Row], list[Any]]]:
    """Yield what a replica writes at once, from several chains, one after another."""
    for index in range(CHAINS):
        chain, first, last = secrets.token_hex(8), many * index // CHAINS, many * (index + 1) // CHAINS
        end, signed_at = beginning(chain), 0
        salts = secrets.token_bytes(16 * (last - first)).hex()
        for start in range(first, last, TOGETHER):
            numbers = range(start, min(start + TOGETHER, last))
            said = [_contents(one, salts[32 * (one - first) : 32 * (one - first + 1)]) for one in numbers]
            rows = list(chained(chain, end, said))
            end, heads = End(rows[-1].position, rows[-1].link), []
            closed = numbers[-1] == last - 1
            if closed or end.position - signed_at >= HEAD_EVERY:
                signed_at = end.position
                head = Head(chain, end.position, end.link.hex(), BEGUN + numbers[-1], closed)
                heads = [(chain, end.position, int(closed), head.time, head.link, signer.sign(head))]
            yield rows, heads


def _rows(url: str, key: Path, public: PublicKeys, many: int) -> dict[str, Any]:
    signer = Signer(key, "KEY")
    written = asyncio.run(_written(url, many, signer))
    print(f"written: {written:,.0f} rows a second", flush=True)
    begun = time.perf_counter()
    with Opened(url) as opened:
        report, forged = opened.export().verified(public)
    verified = many / (time.perf_counter() - begun)
    assert not report.findings, report.findings
    assert (report.rows, forged, report.unsigned_rows) == (many, 0, 0)
    print(f"verified: {verified:,.0f} rows a second", flush=True)
    pages = asyncio.run(_pages(url))
    for name, values in pages.items():
        print(f"page, {name}: {spread(values, 'ms')}", flush=True)
    return {"rows": many, "written": written, "verified": verified, "pages_ms": pages}


async def _written(url: str, many: int, signer: Signer) -> float:
    async with open_database(url) as database:
        store = RecordStore(database)
        await store.prepare()
        begun = time.perf_counter()
        for rows, heads in _generated(many, signer):
            await store.write(rows, heads)
        return many / (time.perf_counter() - begun)


async def _pages(url: str) -> dict[str, list[float]]:
    wanted = {
        "newest": Wanted(),
        "for review": Wanted(needs_review=True),
        "of a type": Wanted(model_type="consent"),
        "of a user": Wanted(subject="user-7"),
        "of a request that is not there": Wanted(request_id="none"),
    }
    found: dict[str, list[float]] = {}
    async with open_database(url) as database:
        reader = RecordReader(database)
        for name, one in wanted.items():
            found[name] = []
            after = None
            for number in range(20):
                begun = time.perf_counter()
                rows = await reader.page(
                    f"tenant-{7 if number < 10 else number % TENANTS}", one, limit=50, after=after
                )
                found[name].append((time.perf_counter() - begun) * 1e3)
                after = place_of(rows[-1]) if rows else None
    return found


def _cost(folder: Path, url: str, key: Path, rounds: int, seconds: float) -> list[dict[str, Cell]]:
    ports = {name: free_port() for name in ("redis", "upstream")}
    upstream = f"http://{LOOPBACK}:{ports['upstream']}"
    records = {
        "RECORDS": "true", "RECORDS_KEY": "k" * 32, "RECORDS_SIGNING_KEY_FILE": str(key),
        "RECORDS_DATABASE_URL": url, "RECORDS_SPOOL_DIR": str(folder / "spool"),
    }  # fmt: skip
    with ExitStack() as stack:
        for name, command in (
            ("redis", redis_command(ports["redis"])),
            ("upstream", [sys.executable, str(HERE / "upstream.py"), str(ports["upstream"])]),
        ):
            stack.callback(Server(command, {}, folder / f"{name}.log", ports[name]).stop)
        time.sleep(2)
        servers = {
            name: stack.enter_context(gateway(folder, upstream=upstream, redis=ports["redis"], more=more))
            for name, more in (("off", {}), ("on", records))
        }
        return [_round(servers, number, seconds) for number in range(rounds)]


def _round(servers: dict[str, Server], number: int, seconds: float) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    order = ("off", "on") if number % 2 == 0 else ("on", "off")
    for place, name in enumerate(order):
        first = (2 * number + place + 1) * 10_000_000
        never = [classify(first + i) for i in range(int(3_000 * seconds))]
        again = [classify(first)]
        found[f"{name}, not cached, 1"] = cell(servers[name], never, 1, seconds)
        found[f"{name}, cached, 1"] = cell(servers[name], again, 1, seconds)
        found[f"{name}, cached, {CALLERS}"] = cell(servers[name], again, CALLERS, seconds)
    for name in sorted(found):
        print(f"{name:28} {found[name]}", flush=True)
    return found


def _write(found: dict[str, Any]) -> None:
    rows = [*_of_rows(found.get("rows")), *_of_cost(found.get("cost"))]
    figures.table("records", ["what", "figure", "how"], rows, note=f"Load: {os.getloadavg()[0]:.0f}.")
    print(json.dumps(rows, indent=1, ensure_ascii=False))


def _of_rows(found: dict[str, Any] | None) -> Iterator[list[str]]:
    if found is None:
        return
    many = f"{found['rows']:,} generated rows, {found['database']}"
    yield ["written", f"{found['written']:,.0f} rows/s (≥ 5,000)", many]
    yield ["verified", f"{found['verified']:,.0f} rows/s (≥ 100,000)", "from the database, one process"]
    for name, values in found["pages_ms"].items():
        yield [f"a page of 50, {name}", f"{spread(values, 'ms')} (≤ 50)", "20 pages"]


def _of_cost(found: dict[str, Any] | None) -> Iterator[list[str]]:
    if found is None:
        return
    rounds: Sequence[dict[str, Cell]] = found["rounds"]
    fields = {"p50_ms": "p50", "per_second": "answers/s", "cpu_ms": "CPU an answer"}
    for which in ("not cached, 1", "cached, 1", f"cached, {CALLERS}"):
        for field, name in fields.items():
            ratios = [one[f"on, {which}"][field] / one[f"off, {which}"][field] for one in rounds]
            yield [f"{which} caller(s): {name}", spread(ratios, digits=3), "recording divided by not"]


if __name__ == "__main__":
    main()
