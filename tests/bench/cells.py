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
    (found,) = cells([(server, requests)], callers, seconds)
    return found


def cells(asked: Sequence[tuple[Server, Sequence[bytes]]], callers: int, seconds: float) -> list[Cell]:
    """Ask several servers at once, each by so many callers: they meet the same machine at the same time."""
    before = [server.cpu_seconds() for server, _ in asked]
    heard = asyncio.run(_at_once(asked, callers, seconds))
    used = [server.cpu_seconds() - begun for (server, _), begun in zip(asked, before, strict=True)]
    return [_cell(*one) for one in zip(heard, used, strict=True)]


async def _at_once(
    asked: Sequence[tuple[Server, Sequence[bytes]]], callers: int, seconds: float
) -> list[Heard]:
    loops = (
        closed_loop((LOOPBACK, server.port), requests, callers=callers, seconds=seconds, lead=LEAD)
        for server, requests in asked
    )
    return await asyncio.gather(*loops)


def _cell(heard: Heard, used: float) -> Cell:
    assert heard.answers > 0
    assert heard.refused == 0, f"{heard.refused} refused"
    latencies = sorted(heard.latencies)
    return {
        "p50_ms": round(statistics.median(latencies) * 1e3, 3),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1e3, 3),
        "per_second": round(heard.rate, 1),
        "answers": heard.answers,
        "cpu_ms": round(used / heard.answers * 1e3, 4),
    }
