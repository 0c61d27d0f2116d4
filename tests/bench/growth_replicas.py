"""More predictors of one model on one machine: what they answer together, and what they hold."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import measured_model, sentences
from bench.growth_asking import LEAD, TEXTS, requests, serving
from bench.load import closed_loop
from bench.server import LOOPBACK, Server

REPLICAS = (1, 2, 4)
_CALLERS = 32


def measure(revision: Path, work: Path, seconds: float) -> list[dict[str, float]]:
    """Ask ever more processes of one revision, which map the same file; they share the callers evenly."""
    found = []
    asked = requests(measured_model.NAME, sentences.mixture(TEXTS, seed=1))
    for count in REPLICAS:
        with ExitStack() as running:
            logs = (work / f"replica-{number}.log" for number in range(count))
            servers = [running.enter_context(serving([revision], log)) for log in logs]
            rate = asyncio.run(_rate(servers, asked, seconds))
            pss = sum(server.megabytes("Pss") for server in servers)
            rss = sum(server.megabytes("Rss") for server in servers)
        found.append(
            {"replicas": count, "requests_per_second": rate, "pss_mb": round(pss), "rss_mb": round(rss)}
        )
        print(found[-1], flush=True)
    return found


async def _rate(servers: Sequence[Server], asked: Sequence[bytes], seconds: float) -> float:
    """Return the answers a second of all servers together."""
    heard = await asyncio.gather(
        *(
            closed_loop(
                (LOOPBACK, server.port), asked,
                callers=_CALLERS // len(servers), seconds=seconds, lead=LEAD,
            )
            for server in servers
        )
    )  # fmt: skip
    return round(sum(one.rate for one in heard), 2)
