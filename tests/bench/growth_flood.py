"""Whether a flood on one model is felt by those who ask another one in the same process."""

import asyncio
from pathlib import Path

from bench import sentences
from bench.growth_asking import LEAD, TEXTS, name_of, quantile, requests
from bench.load import Heard, closed_loop
from bench.server import LOOPBACK, Server

_FLOOD, _OTHERS = 64, 4


def measure(server: Server, models: tuple[Path, Path], seconds: float) -> dict[str, float]:
    """Let callers ask the second model alone, beside as many who ask the first, and beside a flood of those.

    Two models that are asked alike share the cores; what a flood adds to that is its own.
    """
    flooded, other = models
    found: dict[str, float] = {}
    for name, crowd in (("p99_ms_alone", 0), ("p99_ms_beside", _OTHERS), ("p99_ms_flooded", _FLOOD)):
        heard = asyncio.run(_both(server, flooded, other, crowd, seconds))
        found[name] = quantile(heard.latencies, 0.99)
    found["ratio"] = round(found["p99_ms_flooded"] / found["p99_ms_beside"], 2)
    found["ratio_alone"] = round(found["p99_ms_flooded"] / found["p99_ms_alone"], 2)
    print("a flood beside:", found, flush=True)
    return found


async def _both(server: Server, flooded: Path, other: Path, crowd: int, seconds: float) -> Heard:
    texts = sentences.of_length(32, TEXTS, seed=6)
    tasks = [
        closed_loop(
            (LOOPBACK, server.port), requests(name_of(revision), texts),
            callers=callers, seconds=seconds, lead=LEAD,
        )
        for revision, callers in ((other, _OTHERS), (flooded, crowd))
        if callers
    ]  # fmt: skip
    return (await asyncio.gather(*tasks))[0]
