"""Sentences that tell what a demonstration model's confidence is worth: of held-out templates, none golden.

They are varied as training rows are, cut short and mistyped ones apart, and may be answered wrongly. The
chart gives them to the models of the demonstration hub alone: of others they would say nothing.
"""

from __future__ import annotations

import math
import random

from golden import flow
from grammar import UNSEEN, Row, read_templates, rows_of
from rows import SEED, plain_unseen, words_of
from specs import CATALOGUE, CLASSIFICATION, SPECS, Spec

FOLDER = CATALOGUE.parent / "calibration"
SENTENCES = 240
"""For each model, the same number for each label; a few more where that does not come out even."""


def sentences(spec: Spec) -> list[Row]:
    """Make a classifier's sentences, the same everywhere; RuntimeError where its templates hold too few."""
    rng, golden = random.Random(SEED), {row.text for row in plain_unseen(spec)}
    held_out, words = [t for t in read_templates(spec.templates) if t.held_out], words_of(spec)
    each = math.ceil(SENTENCES / len(spec.labels))
    found: list[Row] = []
    for label in spec.labels:
        templates = [template for template in held_out if template.label == label["id"]]
        # Twice as many as are needed, a golden one among them or not.
        rows = rows_of(templates, words, UNSEEN, count=math.ceil(2 * each / len(templates)), rng=rng)
        possible = sorted({row.text: row for row in rows if row.text not in golden}.values(), key=str)
        if len(possible) < each:
            raise RuntimeError(f"{spec.name}: {len(possible)} sentences of {label['id']}, {each} are needed")
        found += rng.sample(possible, each)
    return found


def written(spec: Spec) -> str:
    """Write a classifier's sentences as the chart reads them: a YAML list, a sentence a line."""
    lines = [f"- {flow({'text': row.text, 'label': row.label})}\n" for row in sentences(spec)]
    return "# Written by hack/demo/train.py calibration.\n" + "".join(lines)


def write() -> None:
    """Write those of every classifier."""
    FOLDER.mkdir(exist_ok=True)
    for spec in SPECS.values():
        if spec.task == CLASSIFICATION:
            (FOLDER / f"{spec.name}.yaml").write_text(written(spec), "utf-8")
