"""The catalogue's golden sentences: twenty a model, every label among them, from held-out templates."""

from collections import Counter
from typing import Any

from rows import plain_unseen
from spans import unseen_sentences
from specs import Spec

Catalogue = dict[str, dict[str, Any]]


def test_there_are_twenty_or_more_and_none_twice(spec: Spec, catalogue: Catalogue) -> None:
    golden = catalogue[spec.name]["goldenSentences"]
    assert 20 <= len(golden) <= 32
    assert len({g["text"] for g in golden}) == len(golden)


def test_every_label_has_as_many(classifier: Spec, catalogue: Catalogue) -> None:
    counts = Counter(g["label"] for g in catalogue[classifier.name]["goldenSentences"])
    assert counts.keys() == {label["id"] for label in classifier.labels}
    assert len(set(counts.values())) == 1


def test_they_are_sentences_of_held_out_templates(classifier: Spec, catalogue: Catalogue) -> None:
    possible = {(row.text, row.label) for row in plain_unseen(classifier)}
    assert {(g["text"], g["label"]) for g in catalogue[classifier.name]["goldenSentences"]} <= possible


def test_spans_are_those_of_held_out_templates_with_held_out_names(
    tagger: Spec, catalogue: Catalogue
) -> None:
    golden = catalogue[tagger.name]["goldenSentences"]
    possible = {(row.text, row.spans) for row in unseen_sentences(tagger)}
    assert {
        (g["text"], tuple((s["start"], s["end"], s["label"]) for s in g["spans"])) for g in golden
    } <= possible
    labels = {span["label"] for g in golden for span in g["spans"]}
    assert labels == {label["id"] for label in tagger.labels}
