"""What is trained on and what is measured on never meet."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grammar import (
    COMPANY,
    TRAINING,
    Row,
    Template,
    fill,
    read_templates,
    read_words,
    rows_of,
    strip_diacritics,
)

DEMO = Path(__file__).resolve().parents[2] / "hack" / "demo"


def _templates(name: str) -> list[Template]:
    return read_templates(DEMO / "templates" / f"{name}.txt")


def _natural(name: str) -> list[dict[str, Any]]:
    lines = (DEMO / "natural" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _comparable(text: str) -> str:
    return " ".join(strip_diacritics(text).lower().split()).rstrip(".!?")


@cache
def _words(name: str) -> Any:
    return read_words(DEMO / "templates" / f"slots-{name.rpartition('-')[2]}.yaml")


def _rows(name: str, *, held_out: bool) -> set[str]:
    templates = [t for t in _templates(name) if t.held_out is held_out]
    rng = random.Random(1)
    return {_comparable(fill(t.text, _words(name), rng)) for t in templates for _ in range(20)}


def test_every_label_has_forty_templates_and_some_of_them_are_held_out(
    name: str, entry: dict[str, Any]
) -> None:
    templates = _templates(name)
    assert {t.label for t in templates} == {label["id"] for label in entry["labels"]}
    for label in entry["labels"]:
        of_label = [t for t in templates if t.label == label["id"]]
        held_out = [t for t in of_label if t.held_out]
        assert len(of_label) >= 40
        assert 3 <= len(held_out) <= len(of_label) / 2


def test_no_sentence_of_a_held_out_template_can_come_from_a_training_template(name: str) -> None:
    assert not _rows(name, held_out=True) & _rows(name, held_out=False)


def test_adding_a_template_moves_no_other_one() -> None:
    assert [t.held_out for t in (Template("a", "x"), Template("b", "x"))] == [Template("c", "x").held_out] * 2


def test_a_template_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("[consent]\nmột câu\n[accuracy]\nmột câu\n", "utf-8")
    with pytest.raises(ValueError, match="twice"):
        read_templates(tmp_path / "t.txt")


def test_every_slot_and_choice_is_filled(name: str) -> None:
    rng = random.Random(2)
    for template in _templates(name):
        text = fill(template.text, _words(name), rng)
        assert not set("{}()|") & set(text), text


def test_the_same_seed_gives_the_same_rows(name: str) -> None:
    def rows() -> list[Row]:
        return list(rows_of(_templates(name)[:5], _words(name), TRAINING, count=8, rng=random.Random(3)))

    assert rows() == rows()


def test_no_variation_breaks_the_company_token(name: str) -> None:
    rows = rows_of(_templates(name), _words(name), TRAINING, count=5, rng=random.Random(4))
    with_company = [row.text for row in rows if "company" in row.text.lower() and "[" in row.text]
    assert with_company
    assert all(COMPANY in text for text in with_company)


def test_natural_sentences_are_twenty_a_label(name: str, entry: dict[str, Any]) -> None:
    natural = _natural(name)
    assert all(set(row) == {"text", "label"} and row["text"].strip() for row in natural)
    counts = {label["id"]: sum(row["label"] == label["id"] for row in natural) for label in entry["labels"]}
    assert set(counts.values()) == {20}
    assert len(natural) == sum(counts.values())


def test_no_natural_sentence_is_in_the_templates(name: str) -> None:
    made = _rows(name, held_out=True) | _rows(name, held_out=False)
    assert not made & {_comparable(row["text"]) for row in _natural(name)}
