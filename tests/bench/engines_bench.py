"""Engines on the same 135 M weights, without a server: CPU time of a sentence, latency, labels, independence.

    python -m bench.engines_bench [--rounds N] [--whole] [--only NAME ...] [--labels TUNED] [--texts N]

Each engine is a process of its own and loaded all the while; they take turns, shape by shape, so that a busy
moment of the machine is everybody's. The short form takes minutes, `--whole`, which has every shape, an hour.
`--labels` measures no time: TUNED is a classifier that hack/demo/real_encoder.py has made, and each engine's
labels are held against torch's, alone and in batches. Into build/bench.json, `engines` and `engine_labels`,
and into docs/performance.md.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import engine_labels, engines, figures, measured_model
from bench.engine_process import Process, Shape
from bench.engines import OURS, REFERENCE, Engine
from bench.peers import environment_of
from tables import REPO, kept

SHORT = (Shape(1, 8), Shape(1, 32), Shape(1, 128), Shape(8, 32))
WHOLE = tuple(Shape(batch, tokens) for batch in (1, 8, 32) for tokens in (8, 32, 128, 256))
THREADS = (1, 2)
Cell = dict[str, list[float]]
_TOKENS = 256
"""A shape is run until it has seen so many tokens, three times at least where that is cheap."""


def main() -> None:
    """Measure, print as it goes, and write."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # told to stop, it stops what it started
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    if arguments.labels:
        folder = _folder(arguments.labels.resolve(), work / "engines-tuned")
        figures.merge(
            {"engine_labels": engine_labels.compare(folder, _wanted(folder, arguments.only), arguments.texts)}
        )
    else:
        folder = _folder(measured_model.source(work), work / "engines")
        shapes = WHOLE if arguments.whole else SHORT
        found = _times(folder, _wanted(folder, arguments.only), shapes, arguments.rounds)
        figures.merge({"engines": {"machine": figures.machine(), **found, "limit": _limit()}})
    _write()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.engines_bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="engines")
    parser.add_argument("--labels", type=Path, metavar="TUNED")
    parser.add_argument("--texts", type=int, default=256, help="held-out texts that are compared")
    return parser.parse_args()


def _folder(source: Path, folder: Path) -> Path:
    """Return a folder with the files of every engine, made of a repository where they are missing."""
    folder.mkdir(exist_ok=True)
    for name, quantization in (("fp32", "none"), ("int8", "int8")):
        made = measured_model.revision(source, folder, quantization=quantization)
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(made / "onnx", folder / name, copy_function=os.link)
    if not (folder / "source").exists():
        (folder / "source").symlink_to(source)
    shutil.copyfile(source / "config.json", folder / "config.json")
    python = environment_of("peer-engines") / "python"
    subprocess.run([str(python), str(Path(__file__).with_name("engine_graphs.py")), str(folder)], check=True)
    return folder


def _wanted(folder: Path, only: Sequence[str]) -> list[Engine]:
    flags = set(Path("/proc/cpuinfo").read_text().split())
    return [one for one in engines.there(folder, flags) if not only or one.name in only]


def _times(folder: Path, wanted: Sequence[Engine], shapes: Sequence[Shape], rounds: int) -> dict[str, Any]:
    """Return CPU and wall milliseconds by engine, threads and shape, a number a round."""
    cells: dict[str, dict[str, Cell]] = {one.name: {} for one in wanted}
    peaks: dict[str, int] = {}
    for threads in THREADS:
        with ExitStack() as stack:
            running = [stack.enter_context(Process(one, folder, threads=threads)) for one in wanted]
            for number in range(rounds):
                for shape in shapes:
                    _round(
                        running if number % 2 == 0 else running[::-1], shape, _place(threads, shape), cells
                    )
            peaks |= {one.engine.name: max(one.peak_mb, peaks.get(one.engine.name, 0)) for one in running}
    return {"rounds": rounds, "cells": cells, "peak_mb": peaks}


def _round(
    running: Sequence[Process], shape: Shape, place: str, cells: Mapping[str, dict[str, Cell]]
) -> None:
    said = []
    for process in running:
        timed = process.times(shape, max(1, min(8, _TOKENS // (shape.batch * shape.tokens))))
        cell = cells[process.engine.name].setdefault(place, {"cpu_ms": [], "latency_ms": []})
        cell["cpu_ms"].append(timed.cpu_ms)
        cell["latency_ms"].append(timed.latency_ms)
        said.append(f"{process.engine.name} {timed.cpu_ms:.0f}")
    print(f"{place}, CPU ms a sentence:", *said, flush=True)


def _place(threads: int, shape: Shape) -> str:
    return f"{shape}, {threads} thread{'s' if threads > 1 else ''}"


def _write() -> None:
    """Write the tables of what has been measured so far."""
    with kept("bench") as found:
        times, labels = found.get("engines", {}), found.get("engine_labels", {})
    names = {one.name: f"**{one.what}**" if one.name == OURS else one.what for one in engines.ENGINES}
    if times:
        _times_table(times, names)
        _limit_table(times, names)
    if labels:
        figures.table("labels", *engine_labels.table(labels, names))


def _limit() -> dict[str, dict[str, float]]:
    python = environment_of("peer-engines") / "python"
    said = subprocess.run(
        [str(python), str(Path(__file__).with_name("engine_limit.py"))], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, dict[str, float]] = json.loads(said.stdout)
    print("the machine's limit:", found, flush=True)
    return found


def _limit_table(times: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Hold the engine of each kind of number against the products alone that it cannot do without."""
    place = _place(1, Shape(1, 32))
    rows = []
    for kind, name in (("fp32", REFERENCE), ("fp32", "ort"), ("int8", OURS)):
        limit, cell = times["limit"][kind], times["cells"].get(name, {}).get(place)
        if cell is None:
            continue
        took = min(cell["cpu_ms"])
        rows.append([
            names[name], f"{took:.0f}", f"{limit['layers_ms']:.0f} ({limit['layers_gops']:.0f} GOP/s)",
            f"{limit['at_best_ms']:.0f} ({limit['best_gops']:.0f} GOP/s)",
            f"{limit['at_best_ms'] / took:.0%}",
        ])  # fmt: skip
    columns = [
        f"CPU ms a sentence, {place}", "the engine, least", "its products alone", "those at the best rate",
        "share of the limit that is reached",
    ]  # fmt: skip
    figures.table("limit", columns, rows)


def _times_table(times: Mapping[str, Any], names: Mapping[str, str]) -> None:
    cells, lone = times["cells"], _place(max(THREADS), Shape(1, 32))
    places = list(next(iter(cells.values())))
    columns = ["engine", *places, f"latency ms, {lone}", "peak MB"]
    rows = [
        [
            names[name], *(figures.spread(each[place]["cpu_ms"], digits=0) for place in places),
            figures.spread(each[lone]["latency_ms"], digits=0), str(times["peak_mb"][name]),
        ]
        for name, each in cells.items()
    ]  # fmt: skip
    note = f"CPU ms a sentence (texts x tokens), medians and ranges of {times['rounds']} interleaved rounds."
    figures.table("engines", columns, rows, note=note)


if __name__ == "__main__":
    main()
