"""The int8 graphs of demonstration models, and rows of ids for them."""

import json
import shutil
from pathlib import Path

import numpy as np

from veriaidpo_predictor.converting import convert, graph_config, int8

SIZE = {"principles-vi": 8, "legal-basis-vi": 4}
ROWS = [[0, *range(40, 40 + length), 2] for length in (3, 17, 60)]


def original(source: Path, folder: Path, *, made: bool) -> Path:
    """A demonstration model's folder, with its own graph or with one that is made of its weights."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("onnx") if made else None)
    if made:
        network = graph_config.read(
            folder / "config.json", task="text-classification", labels=SIZE[source.name], max_tokens=256
        )
        convert.convert(folder, network)
    return folder


def converted(folder: Path, cpu_class: str = "x86-64-avx2", name: str = "int8") -> Path:
    (folder / name).mkdir()
    labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
    int8.convert(folder, folder / name, ROWS, width=labels, per_token=False, cpu_class=cpu_class)
    return folder / name


def random_rows(lengths: list[int]) -> list[list[int]]:
    rng = np.random.default_rng(sum(lengths))
    return [[int(one) for one in rng.integers(5, 2_000, length)] for length in lengths]
