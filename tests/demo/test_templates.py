"""What is trained on and what is measured on never meet."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import spans
from grammar import (
    COMPANY,
    TRAINING,
    Row,
    Template,
    Words,
    fill,
    read_templates,
    read_words,
    rows_of,
    strip_diacritics,
)
from rows import words_of
from spans import marking_words
from specs import NATURAL, TAGGING, Spec


def _natural(name: str) -> list[dict[str, Any]]:
    lines = (NATURAL / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _comparable(text: str) -> str:
    return " ".join(strip_diacritics(text).lower().split()).rstrip(".!?")


@cache
def _words(spec: Spec) -> Words:
    return marking_words(spec) if spec.task == TAGGING else words_of(spec)


def _rows(spec: Spec, *, held_out: bool) -> set[str]:
    templates = [t for t in read_templates(spec.templates) if t.held_out is held_out]
    rng = random.Random(1)
    return {_comparable(fill(t.text, _words(spec), rng)) for t in templates for _ in range(20)}


def test_every_label_has_forty_templates_and_some_of_them_are_held_out(classifier: Spec) -> None:
    templates = read_templates(classifier.templates)
    assert {t.label for t in templates} == {label["id"] for label in classifier.labels}
    for label in classifier.labels:
        of_label = [t for t in templates if t.label == label["id"]]
        held_out = [t for t in of_label if t.held_out]
        assert len(of_label) >= 40
        assert 3 <= len(held_out) <= len(of_label) / 2


def test_names_of_every_kind_stand_in_forty_templates_and_some_templates_name_nobody(tagger: Spec) -> None:
    templates = read_templates(tagger.templates)
    for label in tagger.labels:
        naming = [t for t in templates if f"{{{label['id']}}}" in t.text]
        assert len(naming) >= 40
        assert sum(t.held_out for t in naming) >= 3
    assert sum("{" + label["id"] + "}" not in t.text for t in templates for label in tagger.labels[:1]) >= 40


def test_no_sentence_of_a_held_out_template_can_come_from_a_training_template(spec: Spec) -> None:
    assert not _rows(spec, held_out=True) & _rows(spec, held_out=False)


def test_adding_a_template_moves_no_other_one() -> None:
    assert [t.held_out for t in (Template("a", "x"), Template("b", "x"))] == [Template("c", "x").held_out] * 2


def test_a_template_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("[consent]\nmột câu\n[accuracy]\nmột câu\n", "utf-8")
    with pytest.raises(ValueError, match="twice"):
        read_templates(tmp_path / "t.txt")


def test_a_models_own_words_take_the_place_of_the_shared_ones(tmp_path: Path) -> None:
    shared, own = tmp_path / "shared.yaml", tmp_path / "own.yaml"
    shared.write_text("{openings: [a], closings: [b], asides: [c], synonyms: [[d, e]], who: [f]}", "utf-8")
    own.write_text("{asides: [x], where: [y]}", "utf-8")
    words = read_words(shared, own)
    assert (words.openings, words.asides) == (("a",), ("x",))
    assert dict(words.slots) == {"who": ["f"], "where": ["y"]}


def test_every_slot_and_choice_is_filled(spec: Spec) -> None:
    rng = random.Random(2)
    for template in read_templates(spec.templates):
        text = fill(template.text, _words(spec), rng)
        # Papers have brackets and bars of their own, which come out of slots after the choices are made.
        assert not set("{}" if spec.task == TAGGING else "{}()|") & set(text), text


def test_the_same_seed_gives_the_same_rows(spec: Spec) -> None:
    def rows() -> list[Row]:
        few, rng = read_templates(spec.templates)[:5], random.Random(3)
        return list(rows_of(few, _words(spec), TRAINING, count=8, rng=rng))

    assert rows() == rows()


def test_spans_hold_the_names_whatever_was_varied(tagger: Spec) -> None:
    templates, rng = read_templates(tagger.templates), random.Random(5)
    count = 0
    for row in spans.rows_of(templates, tagger, TRAINING, count=3, rng=rng, unseen=False):
        at = 0
        for start, end, label in row.spans:
            name = row.text[start:end]
            assert at <= start < end <= len(row.text)
            assert name == name.strip()
            assert label in spans.MARKS
            at, count = end, count + 1
        assert not set(spans.MARKS.values()) & set(row.text)
    assert count > 300


def test_no_variation_breaks_the_company_token(classifier: Spec) -> None:
    templates, rng = read_templates(classifier.templates), random.Random(4)
    rows = rows_of(templates, _words(classifier), TRAINING, count=5, rng=rng)
    with_company = [row.text for row in rows if "company" in row.text.lower() and "[" in row.text]
    assert with_company
    assert all(COMPANY in text for text in with_company)


def test_natural_sentences_are_twenty_a_label(classifier: Spec) -> None:
    natural = _natural(classifier.name)
    assert all(set(row) == {"text", "label"} and row["text"].strip() for row in natural)
    ids = [label["id"] for label in classifier.labels]
    assert {sum(row["label"] == name for row in natural) for name in ids} == {20}
    assert len(natural) == 20 * len(ids)


def test_no_natural_sentence_is_in_the_templates(spec: Spec) -> None:
    made = _rows(spec, held_out=True) | _rows(spec, held_out=False)
    assert not made & {_comparable(row["text"]) for row in _natural(spec.name)}
