"""What recording costs a gateway's answers, and how fast many records are written, verified and read.

    python -m bench.records_bench [--rows N] [--database postgresql|sqlite] [--only rows|cost]

Rows are generated: all but the last are put into the database at once, and those as a replica writes them,
chained, 250 at a time. The cost is of two gateways before one upstream and one Redis, one of which records
into a PostgreSQL; both are asked at the same time. Into build/bench.json and docs/performance.md, as
`records.rows` and `records.cost`.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import figures
from bench.cells import Cell
from bench.figures import spread
from bench.records_cost import KINDS, cost
from bench.records_rows import in_an_export, in_database
from bench.server import cpu_seconds
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from integration.postgres_process import PostgresProcess
from tables import kept

from veriaidpo_gateway.records.signing import PublicKeys, Signer

DATABASES = ("postgresql", "sqlite")


def main() -> None:
    """Measure, print as it goes, and write."""
    parser = argparse.ArgumentParser(prog="bench.records_bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="10,000,000 take half an hour and 15 GB")
    parser.add_argument("--database", choices=DATABASES, help="both by default")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each figure of the cost")
    parser.add_argument("--only", choices=("rows", "cost"))
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veriaidpo-records-")))
        folder.chmod(0o755)
        key, public = _keys(folder)
        (folder / "pg").mkdir()
        server = PostgresProcess(folder / "pg")
        stack.callback(server.stop)
        if chosen.only != "cost":
            signer = Signer(key, "KEY")
            found: dict[str, Any] = {"export": in_an_export(folder / "export", signer, public, chosen.rows)}
            for database in [chosen.database] if chosen.database else DATABASES:
                url = server.create("rows") if database == "postgresql" else f"sqlite:///{folder / 'rows.db'}"
                found[database] = in_database(url, signer, public, chosen.rows)
            with kept("bench") as figures_before:
                found = {**figures_before.get("records.rows", {}), **found}
            _write("rows", found, list(_of_rows(found)))
        if chosen.only != "rows":
            process = server.process
            assert process is not None
            rounds = cost(
                folder, server.create("cost"), key, chosen.rounds, chosen.seconds,
                database_cpu=lambda: cpu_seconds(process.pid),
            )  # fmt: skip
            _write("cost", {"rounds": rounds}, list(_of_cost(rounds)))


def _keys(folder: Path) -> tuple[Path, PublicKeys]:
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, PublicKeys(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _write(part: str, found: dict[str, Any], rows: list[list[str]]) -> None:
    load = os.getloadavg()[0]
    figures.merge({f"records.{part}": {"machine": figures.machine(), "load": load, **found}})
    figures.table(f"records.{part}", ["what", "figure", "how"], rows, note=f"Load: {load:.0f}.")
    for row in rows:
        print(" | ".join(row))


def _of_rows(found: dict[str, Any]) -> Iterator[list[str]]:
    for name in ("export", *DATABASES):
        of_one = found.get(name)
        if of_one is None:
            continue
        many = f"{of_one['rows']:,} generated rows, {name}"
        if name == "export":
            yield ["exported", f"{of_one['exported']:,.0f} rows/s", many]
        else:
            yield ["written, behind all others", f"{of_one['written']:,.0f} rows/s (≥ 5,000)", many]
        yield ["verified", f"{of_one['verified']:,.0f} rows/s (≥ 100,000)", many]
        for kind, values in of_one.get("pages_ms", {}).items():
            yield [
                f"a page of 50, {kind}",
                f"{spread(values, 'ms')} (≤ 50)",
                f"{name}, {len(values)} tenants",
            ]


def _of_cost(rounds: list[dict[str, Cell]]) -> Iterator[list[str]]:
    fields = {"p50_ms": "p50", "per_second": "answers/s", "cpu_ms": "CPU an answer"}
    how = f"recording divided by not, {len(rounds)} rounds"
    for kind, callers in KINDS:
        for field, name in fields.items():
            ratios = [
                one[f"on, {kind}, {callers}"][field] / one[f"off, {kind}, {callers}"][field] for one in rounds
            ]
            yield [f"{kind}, {callers} caller(s): {name}", spread(ratios, digits=3), how]
        on, off = ([one[f"{name}, {kind}, {callers}"] for one in rounds] for name in ("on", "off"))
        own = [(one["cpu_ms"] - other["cpu_ms"]) * 1e3 for one, other in zip(on, off, strict=True)]
        of_one = f"a record, {len(rounds)} rounds"
        yield [f"{kind}, {callers} caller(s): the gateway's own CPU", spread(own, "µs", digits=0), of_one]
        of_database = [one["database_ms"] * 1e3 for one in on]
        yield [f"{kind}, {callers} caller(s): PostgreSQL's CPU", spread(of_database, "µs", digits=0), of_one]


if __name__ == "__main__":
    main()
