"""What recording costs: two gateways, one of which records, before one upstream and one Redis, at once."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.cells import Cell, cells
from bench.measured_gateway import classify, gateway, redis_command
from bench.server import LOOPBACK, Server, free_port

from veriaidpo_gateway.records.recorder import EVERY

KINDS = (("not cached", 1), ("not cached", 16), ("cached", 1), ("cached", 16))
"""Kinds of questions, and of how many callers at once."""

HERE = Path(__file__).parent


def cost(
    folder: Path, url: str, key: Path, rounds: int, seconds: float, *, database_cpu: Callable[[], float]
) -> list[dict[str, Cell]]:
    """Measure, one round after another; a round has a cell for each gateway and kind of question.

    `database_cpu` gives the seconds that the database has used so far: a cell says how many ms of these a
    record took.
    """
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
        return [_round(servers, number, seconds, database_cpu) for number in range(rounds)]


def _round(
    servers: dict[str, Server], number: int, seconds: float, database_cpu: Callable[[], float]
) -> dict[str, Cell]:
    """Ask both the same kind of question at once: a machine is another from one second to the next."""
    found: dict[str, Cell] = {}
    names = tuple(servers) if number % 2 == 0 else tuple(reversed(servers))
    for kind, callers in KINDS:
        asked = []
        for place, name in enumerate(names):
            first = (2 * number + place + 1) * 10_000_000
            many = int(3_000 * seconds) if kind == "not cached" else 1
            asked.append((servers[name], [classify(first + i) for i in range(many)]))
        before = database_cpu()
        of_each = cells(asked, callers, seconds)
        time.sleep(2 * EVERY)
        found |= {f"{name}, {kind}, {callers}": one for name, one in zip(names, of_each, strict=True)}
        recorded = found[f"on, {kind}, {callers}"]
        recorded["database_ms"] = round((database_cpu() - before) / recorded["answers"] * 1e3, 4)
    for name in sorted(found):
        print(f"{name:28} {found[name]}", flush=True)
    return found
