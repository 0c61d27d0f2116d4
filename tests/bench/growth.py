"""Whether a call of the gateway costs more where there is more: of companies, of tenants, of callers."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import figures
from bench.cells import Cell, cell
from bench.measured_gateway import classify, gateway, token
from bench.server import LOOPBACK, Server

from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.normalisation.companies import Company

COMPANIES = (1_000, 10_000, 99_000)
TENANTS = (1, 100, 10_000)
CALLERS = (1, 8, 32, 128)
SECONDS = 2.0
_AT_ONCE = 5_000
_QUESTIONS = 3_000


def growth(folder: Path, servers: Mapping[str, Server]) -> dict[str, Cell]:
    """Measure, and write the table `gateway.growth`; the servers are those of the other figures."""
    upstream, redis = f"http://{LOOPBACK}:{servers['upstream'].port}", servers["redis"].port
    found: dict[str, Cell] = {}
    for number in COMPANIES:
        with _knowing(number, folder, upstream, redis) as server:
            found[f"{number:,} companies more, not cached"] = _measured(server, number)
            found[f"{number:,} companies more, not cached"]["rss"] = server.megabytes("Rss")
    server = servers["gateway"]
    for number in TENANTS:
        bearers = [token(f"tenant-{i}") for i in range(number)]
        asked = [classify(time.time_ns() + i, bearers[i % number]) for i in range(_QUESTIONS)]
        found[f"{number:,} tenants, not cached"] = cell(server, asked, 1, SECONDS)
    for number in CALLERS:
        found[f"{number} callers, cached"] = cell(server, [classify(1)], number, SECONDS)
    for name, one in found.items():
        print(f"{name:36} {one}", flush=True)
    rows = [
        [
            name,
            f"{one['p50_ms']:.2f}",
            f"{one['p99_ms']:.1f}",
            f"{one['per_second']:.0f}",
            f"{one['cpu_ms']:.2f}",
        ]
        for name, one in found.items()
    ]
    figures.table("gateway.growth", ["what", "p50 ms", "p99 ms", "answers/s", "CPU ms an answer"], rows)
    return found


def _measured(server: Server, number: int) -> Cell:
    first = time.time_ns() + number
    return cell(server, [classify(first + i) for i in range(_QUESTIONS)], 1, SECONDS)


@contextmanager
def _knowing(number: int, folder: Path, upstream: str, redis: int) -> Iterator[Server]:
    """Run a gateway whose registry holds so many companies besides those that are shipped."""
    url = f"sqlite:///{folder}/companies-{number}.sqlite"
    asyncio.run(_fill(url, number))
    with gateway(folder, upstream=upstream, redis=redis, more={"DATABASE_URL": url}) as server:
        yield server


async def _fill(url: str, number: int) -> None:
    async with open_database(url) as database:
        store = CompanyStore(database)
        await store.prepare()
        for first in range(0, number, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, number))
            await store.take([Company(f"Hãng Tưởng Tượng {i} Xyz", "other", "other") for i in some])
