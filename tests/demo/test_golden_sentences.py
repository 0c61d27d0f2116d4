"""The catalogue's golden sentences: enough of them, at least one a label, from held-out templates alone."""

from typing import Any

from rows import plain_unseen
from specs import SPECS


def test_there_are_six_to_sixteen_and_every_label_has_one(entry: dict[str, Any]) -> None:
    golden = entry["goldenSentences"]
    assert 6 <= len(golden) <= 16
    assert {g["label"] for g in golden} == {label["id"] for label in entry["labels"]}
    assert len({g["text"] for g in golden}) == len(golden)


def test_they_are_sentences_of_held_out_templates(name: str, entry: dict[str, Any]) -> None:
    possible = {(row.text, row.label) for row in plain_unseen(SPECS[name])}
    assert {(g["text"], g["label"]) for g in entry["goldenSentences"]} <= possible
