"""Sentences with marked companies, persons and addresses, and how well marks are found."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from entities import Entities
from grammar import PLAIN, Template, Variation, Words, fill, read_templates, strip_diacritics, vary
from rows import SEED, words_of
from specs import Spec

Span = tuple[int, int, str]
"""Code points of a text, from the first up to but without the second, and the label's id."""

# Stand for a name while the sentence around it is varied; letters of nobody's text.
MARKS = {"company": "\ue001", "person": "\ue002", "address": "\ue003"}
_LABELS = {mark: label for label, mark in MARKS.items()}


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and its spans, in their order."""

    text: str
    spans: tuple[Span, ...]


def marking_words(spec: Spec) -> Words:
    """Read the words of the templates; `{company}`, `{person}` and `{address}` become marks."""
    words = words_of(spec)
    return replace(words, slots={**words.slots, **{name: [mark] for name, mark in MARKS.items()}})


def rows_of(
    templates: Sequence[Template],
    spec: Spec,
    variation: Variation,
    *,
    count: int,
    rng: random.Random,
    unseen: bool,
) -> Iterator[Marked]:
    """Give `count` rows for every template, each with names of its own."""
    words = marking_words(spec)
    entities = Entities(words.slots, rng, unseen=unseen)
    # Spelling moves letters; it is done below, once it is known where the names stand.
    around = replace(variation, no_diacritics=0, lower=0, upper=0, typo=0)
    for template in templates:
        for _ in range(count):
            text = vary(fill(template.text, words, rng), words, around, rng)
            yield _spelled(_named(text, entities), variation, rng)


def unseen_sentences(spec: Spec) -> list[Marked]:
    """Make held-out sentences, nothing varied, one a template: the golden ones are chosen from them."""
    held_out = [template for template in read_templates(spec.templates) if template.held_out]
    return list(rows_of(held_out, spec, PLAIN, count=1, rng=random.Random(SEED), unseen=True))


def _named(text: str, entities: Entities) -> Marked:
    parts: list[str] = []
    spans: list[Span] = []
    at = 0
    for letter in text:
        label = _LABELS.get(letter)
        if label is None:
            parts.append(letter)
            at += 1
            continue
        made = entities.make(label)
        before = made.before[:1].upper() + made.before[1:] if not at else made.before
        spans.append((at + len(before), at + len(before) + len(made.name), label))
        parts += [before, made.name]
        at += len(before) + len(made.name)
    return Marked("".join(parts), tuple(spans))


def _spelled(row: Marked, variation: Variation, rng: random.Random) -> Marked:
    """Spell it as people do; each letter stays one letter, so spans stay where they are."""
    text = row.text
    if rng.random() < variation.no_diacritics:
        text = strip_diacritics(text)
    if rng.random() < variation.lower:
        text = text.lower()
    elif rng.random() < variation.upper:
        text = text.upper()
    return replace(row, text=text) if len(text) == len(row.text) else row


def read_natural(path: Path) -> list[Marked]:
    """Read sentences people wrote, for evaluation alone."""
    records = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [
        Marked(record["text"], tuple((s["start"], s["end"], s["label"]) for s in record["spans"]))
        for record in records
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """How well the spans of one label are found; a span counts only with both ends right."""

    precision: float
    recall: float
    f1: float
    spans: int


def score(
    truth: Sequence[Iterable[Span]], found: Sequence[Iterable[Span]], labels: Sequence[str]
) -> Mapping[str, Found]:
    """Compare spans, text by text, label by label."""
    result: dict[str, Found] = {}
    for label in labels:
        wanted = {(i, *span) for i, spans in enumerate(truth) for span in spans if span[2] == label}
        got = {(i, *span) for i, spans in enumerate(found) for span in spans if span[2] == label}
        both = len(wanted & got)
        precision, recall = both / max(len(got), 1), both / max(len(wanted), 1)
        f1 = 2 * both / max(len(wanted) + len(got), 1)
        result[label] = Found(precision, recall, f1, len(wanted))
    return result
