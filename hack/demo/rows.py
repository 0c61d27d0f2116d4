"""The rows of a model: trained on, held out, natural."""

from __future__ import annotations

import random
from dataclasses import dataclass

from grammar import PLAIN, TRAINING, UNSEEN, Row, Template, Words, read_templates, read_words, rows_of
from specs import TEMPLATES, Spec

SEED = 13
ROWS_UNSEEN = 15


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything made from the templates of one model."""

    templates: list[Template]
    words: Words
    trained: list[Row]
    unseen: list[Row]
    plain_unseen: list[Row]


def make_rows(spec: Spec) -> Rows:
    """Make the rows, the same on every machine: the seed, the templates and `spec.rows` decide."""
    templates = read_templates(spec.templates)
    words = words_of(spec)
    trained = [t for t in templates if not t.held_out]
    unseen = [t for t in templates if t.held_out]
    rng = random.Random(SEED)
    return Rows(
        templates=templates,
        words=words,
        trained=list(rows_of(trained, words, TRAINING, count=spec.rows, rng=rng)),
        unseen=list(rows_of(unseen, words, UNSEEN, count=ROWS_UNSEEN, rng=rng)),
        plain_unseen=plain_unseen(spec),
    )


def words_of(spec: Spec) -> Words:
    """Read what fills the templates of a model."""
    return read_words(TEMPLATES / f"slots-{spec.language}.yaml", TEMPLATES / f"slots-{spec.name}.yaml")


def plain_unseen(spec: Spec) -> list[Row]:
    """Make held-out sentences, nothing varied, one a template: the golden sentences are chosen from them."""
    unseen = [t for t in read_templates(spec.templates) if t.held_out]
    words = words_of(spec)
    return list(rows_of(unseen, words, PLAIN, count=1, rng=random.Random(SEED)))


def print_rows(spec: Spec, count: int = 40) -> None:
    """Print some training rows with their labels."""
    rows = make_rows(spec).trained
    for row in random.Random(SEED).sample(rows, count):
        print(f"{row.label:26} {row.text}")
