"""One measurement of a server: so many callers for so long, and what that took of its processor."""

import asyncio
import statistics
from collections.abc import Sequence

from bench.load import Heard, closed_loop
from bench.server import LOOPBACK, Server

LEAD = 0.5
"""Seconds before anything counts."""

Cell = dict[str, float]


def cell(server: Server, requests: Sequence[bytes], callers: int, seconds: float) -> Cell:
    """Ask; every answer has to be a 200."""
    before = server.cpu_seconds()
    heard: Heard = asyncio.run(
        closed_loop((LOOPBACK, server.port), requests, callers=callers, seconds=seconds, lead=LEAD)
    )
    used = server.cpu_seconds() - before
    assert heard.answers > 0
    assert heard.refused == 0, f"{heard.refused} refused"
    latencies = sorted(heard.latencies)
    return {
        "p50_ms": round(statistics.median(latencies) * 1e3, 3),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1e3, 3),
        "per_second": round(heard.rate, 1),
        "cpu_ms": round(used / heard.answers * 1e3, 4),
    }
