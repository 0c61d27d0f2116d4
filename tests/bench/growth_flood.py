"""Whether a flood on one model is felt by those who ask another one in the same process."""

import asyncio
from pathlib import Path

from bench import peers, sentences
from bench.load import Heard, closed_loop, request
from bench.server import LOOPBACK, Server

_FLOOD, _OTHERS = 64, 4
_LEAD = 1.0
_TEXTS = 256


def measure(server: Server, models: tuple[Path, Path], seconds: float) -> dict[str, float]:
    """Let callers ask the second model alone, beside as many who ask the first, and beside a flood of those.

    Two models that are asked alike share the cores; what a flood adds to that is its own.
    """
    flooded, other = models
    found: dict[str, float] = {}
    for name, crowd in (("p99_ms_alone", 0), ("p99_ms_beside", _OTHERS), ("p99_ms_flooded", _FLOOD)):
        heard = asyncio.run(_both(server, flooded, other, crowd, seconds))
        ordered = sorted(heard.latencies)
        found[name] = round(ordered[int(len(ordered) * 0.99)] * 1e3, 1)
    found["ratio"] = round(found["p99_ms_flooded"] / found["p99_ms_beside"], 2)
    found["ratio_alone"] = round(found["p99_ms_flooded"] / found["p99_ms_alone"], 2)
    print("a flood beside:", found, flush=True)
    return found


async def _both(server: Server, flooded: Path, other: Path, crowd: int, seconds: float) -> Heard:
    tasks = [
        closed_loop(
            (LOOPBACK, server.port), _asking(revision), callers=callers, seconds=seconds, lead=_LEAD
        )
        for revision, callers in ((other, _OTHERS), (flooded, crowd))
        if callers
    ]  # fmt: skip
    return (await asyncio.gather(*tasks))[0]


def _asking(revision: Path) -> list[bytes]:
    path = f"/v1/models/{revision.parents[1].name}:predict"
    texts = sentences.of_length(32, _TEXTS, seed=6)
    return [request(path, peers.instances([text]), host=LOOPBACK) for text in texts]
