"""What eleven models of PhoBERT-base's size take, loaded and answering: a predictor each, and all in one.

    python -m bench.memory_bench [--models N]

PSS, so that pages which several processes share count once. Each model has files of its own, and has answered
one sentence and a batch of sixteen. Into build/bench.json under `memory`, and into docs/performance.md.
"""

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import httpx
from bench import figures, measured_model, peers, sentences
from bench.server import LOOPBACK, Server, free_port
from tables import REPO

LIMITS_MB = {"eleven predictors": 3_000, "one predictor": 2_000}
_KINDS = ("Pss", "Rss", "Anonymous")
_MODELS = 11
_BATCH = 16


def main() -> None:
    """Measure both, and write."""
    parser = argparse.ArgumentParser(prog="bench.memory_bench", description=__doc__)
    parser.add_argument("--models", type=int, default=_MODELS)
    count = parser.parse_args().models
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    made = measured_model.revision(measured_model.source(work), work)
    copies = [
        measured_model.copy(made, work / "copies", f"{measured_model.NAME}-{number}")
        for number in range(count)
    ]
    try:
        shapes = {"eleven predictors": [[copy] for copy in copies], "one predictor": [copies]}
        found = {what: _measure(shape, work) for what, shape in shapes.items()}
    finally:
        shutil.rmtree(work / "copies")
    rounded = {what: {kind: round(size) for kind, size in sizes.items()} for what, sizes in found.items()}
    figures.merge({"memory": {"machine": figures.machine(), "models": count, "megabytes": rounded}})
    rows = [
        [what, str(count), *(f"{sizes[kind]:.0f} MB" for kind in _KINDS), f"≤ {LIMITS_MB[what]} MB"]
        for what, sizes in found.items()
    ]
    figures.table("memory", ["", "models", *_KINDS, "PSS to reach"], rows)
    print(found)


def _measure(shape: Sequence[Sequence[Path]], logs: Path) -> dict[str, float]:
    """Start a predictor for each group of models, let each model answer, and add up what they hold."""
    running: list[Server] = []
    try:
        for number, folders in enumerate(shape):
            port = free_port()
            running.append(Server(peers.serve(folders, port), {}, logs / f"memory-{number}.log", port))
            for folder in folders:
                _ask(running[-1], folder.parents[1].name)
        return {kind: sum(one.megabytes(kind) for one in running) for kind in _KINDS}
    finally:
        for one in running:
            one.stop()


def _ask(server: Server, name: str) -> None:
    path = f"/v1/models/{name}:predict"
    texts = sentences.mixture(_BATCH, seed=2)
    server.until_it_answers(path, json.dumps({"instances": texts[:1]}).encode())
    answer = httpx.post(
        f"http://{LOOPBACK}:{server.port}{path}", json={"instances": texts}, timeout=120, trust_env=False
    )
    answer.raise_for_status()


if __name__ == "__main__":
    main()
