"""How figures grow with tokens, callers, models, layers, replicas; whether a crowd or long texts spoil them.

    python -m bench.growth_bench [--seconds S] [--models N]

Ours alone, on the weights of `hack/bench predictor`. Into build/bench.json under `growth`, into
docs/performance.md, and as pictures into docs/growth/. Five minutes of both cores: nothing else should run.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import figures, growth_flood, growth_page, growth_replicas, measured_model, sentences
from bench.growth_asking import LEAD, TEXTS, name_of, quantile, requests, serving
from bench.load import Heard, closed_loop
from bench.server import LOOPBACK, Server
from tables import REPO

TOKENS = (8, 16, 32, 64, 128, 256)
CALLERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LAYERS = (6, 12, 24)
_LOG = "growth.log"
_LONG_EVERY = 10
_CROWD = 32
"""Callers whose short texts are held against long ones."""


def main() -> None:
    """Measure, print as it goes, and write."""
    parser = argparse.ArgumentParser(prog="bench.growth_bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each figure")
    parser.add_argument("--models", type=int, default=11)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # told to stop, it stops what it started
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    revision = measured_model.revision(measured_model.source(work), work)
    found: dict[str, Any] = {"machine": figures.machine()}
    with serving([revision], work / _LOG) as server:
        found["tokens"] = [
            {"tokens": n, **_asked(server, sentences.of_length(n, TEXTS, seed=n), 1, arguments.seconds)}
            for n in TOKENS
        ]
        mixture = sentences.mixture(TEXTS, seed=1)
        found["callers"] = [{"callers": n, **_asked(server, mixture, n, arguments.seconds)} for n in CALLERS]
        found["long_among_short"] = _long_among_short(server, arguments.seconds)
    with _copies(revision, work, arguments.models) as copies:
        found["models"] = _by_models(copies, work, arguments.seconds)
        with serving(copies[:2], work / _LOG) as server:
            found["flood"] = growth_flood.measure(server, (copies[0], copies[1]), 4 * arguments.seconds)
    found["layers"] = _by_layers(work, arguments.seconds)
    found["replicas"] = growth_replicas.measure(revision, work, arguments.seconds)
    figures.merge({"growth": found})
    growth_page.write(found)


def _asked(server: Server, texts: Sequence[str], callers: int, seconds: float) -> dict[str, float]:
    """Return what callers see, and what it costs: `engine_share` is the CPU time outside the main thread.

    The main thread has HTTP, JSON, the tokenizer and the queue; all else computes.
    """
    asked = requests(measured_model.NAME, texts)
    cpu, own = server.cpu_seconds(), server.main_thread_cpu_seconds()
    heard = asyncio.run(
        closed_loop((LOOPBACK, server.port), asked, callers=callers, seconds=seconds, lead=LEAD)
    )
    used, main_thread = server.cpu_seconds() - cpu, server.main_thread_cpu_seconds() - own
    found = {
        "requests_per_second": round(heard.rate, 2),
        "p50_ms": quantile(heard.latencies, 0.5),
        "p99_ms": quantile(heard.latencies, 0.99),
        "cpu_ms_per_request": round(used / max(1, heard.answers) * 1e3, 1),
        "engine_share": round(1 - main_thread / used, 3) if used else 0.0,
        "refused": heard.refused,
    }
    print(callers, "callers:", found, flush=True)
    return found


def _long_among_short(server: Server, seconds: float) -> dict[str, float]:
    """Let callers ask short texts, and then the same with a long one after every nine."""
    texts = sentences.of_length(32, TEXTS, seed=3)
    mixed = list(texts)
    mixed[::_LONG_EVERY] = sentences.of_length(256, len(mixed[::_LONG_EVERY]), seed=4)
    found = {}
    for name, asked in (("p99_ms_alone", texts), ("p99_ms_mixed", mixed)):
        heard = asyncio.run(
            closed_loop(
                (LOOPBACK, server.port), requests(measured_model.NAME, asked),
                callers=_CROWD, seconds=4 * seconds, lead=LEAD,
            )
        )  # fmt: skip
        short = [
            latency
            for number, latency in zip(heard.questions, heard.latencies, strict=True)
            if number % _LONG_EVERY
        ]
        found[name] = quantile(short, 0.99)
    found["ratio"] = round(found["p99_ms_mixed"] / found["p99_ms_alone"], 2)
    print("long among short:", found, flush=True)
    return found


def _by_layers(work: Path, seconds: float) -> list[dict[str, float]]:
    """Serve networks of other depths, asked by one caller with texts of 32 tokens."""
    texts = sentences.of_length(32, TEXTS, seed=5)
    found = []
    for layers in LAYERS:
        there = work if layers == measured_model.LAYERS else work / f"layers-{layers}"
        there.mkdir(exist_ok=True)
        made = measured_model.revision(measured_model.source(work, layers=layers), there)
        with serving([made], work / _LOG) as server:
            asked = _asked(server, texts, 1, seconds)
            found.append({"layers": layers, **asked, "pss_mb": round(server.megabytes("Pss"))})
    return found


@contextmanager
def _copies(revision: Path, work: Path, most: int) -> Iterator[list[Path]]:
    try:
        yield [measured_model.copy(revision, work / "copies", f"measured-{n}") for n in range(most)]
    finally:
        shutil.rmtree(work / "copies")


def _by_models(copies: Sequence[Path], work: Path, seconds: float) -> list[dict[str, float]]:
    """Serve ever more models in one process, each asked by a caller of its own."""
    most = len(copies)
    texts = sentences.mixture(TEXTS, seed=1)
    found = []
    for count in sorted({n for n in (1, 2, 4, 8, most) if n <= most}):
        with serving(copies[:count], work / _LOG) as server:
            found.append({"models": count, **_asked_by_one_each(server, copies[:count], texts, seconds)})
        print(found[-1], flush=True)
    return found


def _asked_by_one_each(
    server: Server, revisions: Sequence[Path], texts: Sequence[str], seconds: float
) -> dict[str, float]:
    async def all_of_them() -> list[Heard]:
        each = [
            closed_loop(
                (LOOPBACK, server.port),
                requests(name_of(one), texts),
                callers=1, seconds=seconds, lead=LEAD,
            )
            for one in revisions
        ]  # fmt: skip
        return await asyncio.gather(*each)

    heard = asyncio.run(all_of_them())
    return {
        "requests_per_second": round(sum(one.rate for one in heard), 2),
        "pss_mb": round(server.megabytes("Pss")),
        "rss_mb": round(server.megabytes("Rss")),
    }


if __name__ == "__main__":
    main()
