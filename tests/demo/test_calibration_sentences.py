"""Sentences that demonstration classifiers are calibrated by: what templates give, and not golden."""

from collections import Counter
from typing import Any

import yaml

from calibration import FOLDER, SENTENCES, written
from specs import SPECS, Spec


def read(spec: Spec) -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load((FOLDER / f"{spec.name}.yaml").read_text("utf-8"))
    return found


def test_they_are_what_held_out_templates_give(classifier: Spec) -> None:
    written_by = "run hack/demo/train.py calibration"
    assert (FOLDER / f"{classifier.name}.yaml").read_text("utf-8") == written(classifier), written_by


def test_there_are_as_many_for_each_label_and_none_twice(classifier: Spec) -> None:
    sentences = read(classifier)
    counts = Counter(one["label"] for one in sentences)
    assert counts.keys() == {label["id"] for label in classifier.labels}
    assert len(set(counts.values())) == 1
    assert SENTENCES <= len(sentences) <= 512
    assert len({one["text"] for one in sentences}) == len(sentences)


def test_none_is_golden(classifier: Spec, catalogue: dict[str, dict[str, Any]]) -> None:
    golden = {one["text"] for one in catalogue[classifier.name]["goldenSentences"]}
    assert golden.isdisjoint(one["text"] for one in read(classifier))


def test_there_are_no_others() -> None:
    assert {file.stem for file in FOLDER.iterdir()} <= set(SPECS)
