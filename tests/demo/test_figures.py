"""The figures of docs/demo-models.md, measured again with the product's own graphs, tokenizers and engine."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spans
from natural import read_natural
from specs import FIGURES, MODELS, NATURAL, Spec
from veriaidpo_predictor import labels
from veriaidpo_predictor.computing import session, tasks
from veriaidpo_predictor.converting import convert, graph_config
from veriaidpo_predictor.manifest import Label
from veriaidpo_predictor.tokenising import tokenise
from veriaidpo_predictor.tokenising.tokenise_kind import kind_of

UNSEEN_AT_LEAST = 0.85
NATURAL_AT_LEAST = 0.6
SPANS_AT_LEAST = 0.8
NEAR = 0.02
"""How far a figure may lie from the one measured with torch."""


class Served:
    """A model as a revision would serve it."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        shutil.copytree(MODELS / spec.name, folder, dirs_exist_ok=True)
        asked = [Label(**label) for label in spec.labels]
        name: Any = spec.task
        tags = labels.tags(folder / "config.json", asked, name)
        self._task = tasks.of(name, asked, tags)
        width = self._task.width
        if not spec.graph:
            network = graph_config.read(folder / "config.json", task=name, labels=width, max_tokens=256)
            convert.convert(folder, network)
        kind = kind_of({path.name for path in folder.iterdir()})
        assert kind
        self._tokeniser = tokenise.build(folder, kind, max_tokens=256)
        self._engine = session.load(folder, labels=width, per_token=self._task.per_token)

    def answers(self, texts: list[str]) -> list[Any]:
        """What the task makes of each text, one at a time."""
        encoded = self._task.encode(self._tokeniser, texts)
        return list(self._task.answers(texts, encoded, [self._engine([one.ids])[0] for one in encoded]))


def macro_f1(truth: list[int], answers: list[int], count: int) -> float:
    found = []
    for label in range(count):
        both = sum(t == a == label for t, a in zip(truth, answers, strict=True))
        found.append(2 * both / max(truth.count(label) + answers.count(label), 1))
    return float(np.mean(found))


def figures(spec: Spec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIGURES / f"{spec.name}.json").read_text("utf-8"))
    return found


def test_classifiers_are_good_enough_to_be_shown(classifier: Spec, tmp_path: Path) -> None:
    ids = [label["id"] for label in classifier.labels]
    rows = read_natural(NATURAL / f"{classifier.name}.jsonl")
    answers = Served(classifier, tmp_path).answers([row.text for row in rows])
    answered = [answer.category_id for answer in answers]
    measured = macro_f1([ids.index(row.label) for row in rows], answered, len(ids))
    stated = figures(classifier)
    assert measured == pytest.approx(stated["natural"]["macro_f1"], abs=NEAR)
    assert measured >= NATURAL_AT_LEAST
    assert stated["unseen"]["macro_f1"] >= UNSEEN_AT_LEAST


def test_taggers_are_good_enough_to_be_shown(tagger: Spec, tmp_path: Path) -> None:
    rows = spans.read_natural(NATURAL / f"{tagger.name}.jsonl")
    answers = Served(tagger, tmp_path).answers([row.text for row in rows])
    found = [[(span.start, span.end, span.label) for span in answer.spans] for answer in answers]
    scores = spans.score([row.spans for row in rows], found, [label["id"] for label in tagger.labels])
    for label, score in scores.items():
        assert score.f1 == pytest.approx(figures(tagger)["natural"]["spans"][label]["f1"], abs=NEAR)
        assert score.f1 >= SPANS_AT_LEAST, label
