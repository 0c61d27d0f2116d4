"""More predictors of one model on one machine: what they answer together, and what they hold."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import measured_model, peers, sentences
from bench.load import closed_loop, request
from bench.server import LOOPBACK, Server, free_port

REPLICAS = (1, 2, 4)
_CALLERS = 32
_LEAD = 1.0
_TEXTS = 256


def measure(revision: Path, work: Path, seconds: float) -> list[dict[str, float]]:
    """Ask ever more processes of one revision, which map the same file; they share the callers evenly."""
    found = []
    path = f"/v1/models/{measured_model.NAME}:predict"
    asked = [
        request(path, peers.instances([text]), host=LOOPBACK) for text in sentences.mixture(_TEXTS, seed=1)
    ]
    for count in REPLICAS:
        with ExitStack() as running:
            servers = [_start(running, revision, work / f"replica-{number}.log") for number in range(count)]
            for server in servers:
                server.until_it_answers(path, peers.instances(["w5 w6"]))
            rate = asyncio.run(_rate(servers, asked, seconds))
            pss = sum(server.megabytes("Pss") for server in servers)
            rss = sum(server.megabytes("Rss") for server in servers)
        found.append(
            {"replicas": count, "requests_per_second": rate, "pss_mb": round(pss), "rss_mb": round(rss)}
        )
        print(found[-1], flush=True)
    return found


def _start(running: ExitStack, revision: Path, log: Path) -> Server:
    port = free_port()
    server = Server(peers.serve([revision], port), {}, log, port)
    running.callback(server.stop)
    return server


async def _rate(servers: Sequence[Server], asked: Sequence[bytes], seconds: float) -> float:
    """Return the answers a second of all servers together."""
    heard = await asyncio.gather(
        *(
            closed_loop(
                (LOOPBACK, server.port), asked,
                callers=_CALLERS // len(servers), seconds=seconds, lead=_LEAD,
            )
            for server in servers
        )
    )  # fmt: skip
    return round(sum(one.rate for one in heard), 2)
