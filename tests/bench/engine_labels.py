"""What an engine does to labels: against torch's, and alone against in a batch."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import figures
from bench.engine_process import Process
from bench.engines import ENGINES, REFERENCE, Engine

BATCH = 16
_SURE = 0.1
"""A margin of probability above which a label must not change."""
Probabilities = list[list[float]]


def compare(folder: Path, wanted: Sequence[Engine], count: int) -> dict[str, Any]:
    """Let each engine answer held-out texts alone and in batches of near-equal length; {engine: figures}."""
    texts = [one["text"] for one in json.loads((folder / "source/texts.json").read_text())][-count:]
    reference = next(one for one in ENGINES if one.name == REFERENCE)
    expected, _ = _answers(reference, folder, texts)
    found: dict[str, Any] = {}
    for engine in wanted:
        alone, together = _answers(engine, folder, texts)
        changed = [margin for margin in _margins(expected, alone) if margin is not None]
        differences, by_neighbours = _differences(alone, expected), _differences(alone, together)
        found[engine.name] = {
            "texts": len(texts),
            "changed": len(changed),
            "changed_where_sure": sum(margin > _SURE for margin in changed),
            "largest_difference": round(max(differences), 4),
            "mean_difference": round(sum(differences) / len(differences), 5),
            "changed_by_neighbours": sum(one is not None for one in _margins(alone, together)),
            "difference_by_neighbours": round(max(by_neighbours), 4),
        }
        print(engine.name, found[engine.name], flush=True)
    return {"machine": figures.machine(), "engines": found}


def table(labels: Mapping[str, Any], names: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows for the page."""
    columns = [
        "engine", "labels changed", f"with a margin above {_SURE}", "probabilities: largest difference",
        "mean", "labels changed by neighbours", "largest difference by neighbours",
    ]  # fmt: skip
    rows = [
        [
            names[name], f"{one['changed']} of {one['texts']}", str(one["changed_where_sure"]),
            f"{one['largest_difference']:.3f}", f"{one['mean_difference']:.4f}",
            str(one["changed_by_neighbours"]), f"{one['difference_by_neighbours']:.4f}",
        ]
        for name, one in labels["engines"].items()
    ]  # fmt: skip
    return columns, rows


def _answers(engine: Engine, folder: Path, texts: Sequence[str]) -> tuple[Probabilities, Probabilities]:
    """Return the probabilities of each text, answered one by one, and in batches."""
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    together: Probabilities = [[] for _ in texts]
    with Process(engine, folder, threads=2) as process:
        alone = [process.probabilities([text])[0] for text in texts]
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            for number, found in zip(
                batch, process.probabilities([texts[one] for one in batch]), strict=True
            ):
                together[number] = found
    return alone, together


def _margins(before: Probabilities, after: Probabilities) -> list[float | None]:
    """Return how sure the first was of each text whose label the second changes, and None for the others."""
    found: list[float | None] = []
    for one, other in zip(before, after, strict=True):
        best, second = sorted(one, reverse=True)[:2]
        found.append(best - second if one.index(best) != other.index(max(other)) else None)
    return found


def _differences(some: Probabilities, others: Probabilities) -> list[float]:
    return [
        abs(a - b) for one, other in zip(some, others, strict=True) for a, b in zip(one, other, strict=True)
    ]
