"""The gate counts what int8 changes, and decides which graph is published."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from veriaidpo_predictor import verdict
from veriaidpo_predictor.computing import tasks
from veriaidpo_predictor.converting import gate
from veriaidpo_predictor.converting.gate import Answered, Sentences
from veriaidpo_predictor.golden import Golden, GoldenSentence, GoldenSpan, GoldenSpans, Label
from veriaidpo_predictor.tokenising.tokenise import Encoded
from veriaidpo_predictor.verdict import Figures, Gate

LABELS = tuple(Label(id=name, en=name, vi=name) for name in ("a", "b", "c"))
CLASSES: Any = tasks.of("text-classification", LABELS, None)
TAGS: Any = tasks.of("token-classification", LABELS[:1], ("O", "B-a", "I-a"))


def logits(*probabilities: Sequence[float]) -> Any:
    return np.log(np.array(probabilities, dtype=np.float32))


def classified(
    before: Sequence[Sequence[float]], after: Sequence[Sequence[float]], golden: Sequence[str] = ()
) -> Figures:
    texts = [f"text {number}" for number in range(len(before))]
    wanted: tuple[Golden, ...] = tuple(
        GoldenSentence(text=text, label=label) for text, label in zip(texts, golden, strict=False)
    )
    asked = Sentences(texts, wanted, [Encoded([1, 2], truncated=False)] * len(texts))
    both = [Answered([logits(one)[0] for one in each], [1.0] * len(texts)) for each in (before, after)]
    return gate.compare(CLASSES, asked, *both)


def test_labels_that_change_are_counted_with_the_largest_margin_among_them() -> None:
    before = [(0.8, 0.1, 0.1), (0.5, 0.3, 0.2), (0.1, 0.45, 0.45 - 0.05), (0.2, 0.2, 0.6)]
    after = [(0.7, 0.2, 0.1), (0.3, 0.5, 0.2), (0.1, 0.40, 0.5), (0.2, 0.2, 0.6)]
    found = classified(before, after)
    assert (found.sentences, found.labels, found.agreement) == (4, 4, 0.5)
    assert found.flip_margin == pytest.approx(0.2, abs=1e-5)
    assert found.max_delta == pytest.approx(0.2, abs=1e-5)
    assert found.original_f1 is None


def test_the_same_answers_differ_in_nothing() -> None:
    found = classified([(0.8, 0.1, 0.1)] * 3, [(0.8, 0.1, 0.1)] * 3, golden=["a", "b"])
    assert (found.agreement, found.flip_margin, found.max_delta, found.mean_delta) == (1.0, 0.0, 0.0, 0.0)
    assert (found.golden_lost, found.speedup) == (0, 1.0)
    assert found.original_f1 == found.converted_f1 == pytest.approx(1 / 3, abs=1e-6)


def test_a_golden_sentence_that_only_the_original_answers_is_lost() -> None:
    found = classified([(0.8, 0.2, 0.0001)] * 2, [(0.8, 0.2, 0.0001), (0.2, 0.8, 0.0001)], golden=["a", "a"])
    assert found.golden_lost == 1
    assert found.original_f1 == 1.0
    assert found.converted_f1 == pytest.approx(2 / 3, abs=1e-6)


def test_the_speedup_is_one_of_medians() -> None:
    asked = Sentences(["x"] * 3, (), [Encoded([1], truncated=False)] * 3)
    rows = [logits((0.6, 0.3, 0.1))[0]] * 3
    found = gate.compare(CLASSES, asked, Answered(rows, [3.0, 3.0, 90.0]), Answered(rows, [2.0, 0.1, 2.0]))
    assert found.speedup == 1.5


def tagged(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]) -> Figures:
    """Of `hòa phát xin`, whose first word has two tokens."""
    places = ((0, 0), (0, 2), (2, 3), (4, 8), (9, 12), (0, 0))
    golden = GoldenSpans(text="hòa phát xin", spans=(GoldenSpan(start=0, end=8, label="a"),))
    asked = Sentences([golden.text], (golden,), [Encoded([0] * 6, truncated=False, places=places)])
    return gate.compare(TAGS, asked, Answered([logits(*before)], [1.0]), Answered([logits(*after)], [1.0]))


O, B, I = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)  # noqa: E741


def test_of_a_tagger_the_words_are_compared() -> None:
    """What special tokens and the later pieces of a word are tagged as is nobody's answer."""
    found = tagged((O, B, I, I, O, O), (B, B, O, I, O, B))
    assert (found.labels, found.agreement, found.max_delta) == (3, 1.0, 0.0)
    assert found.golden_lost == 0
    lost = tagged((O, B, I, I, O, O), (O, B, I, O, O, O))
    assert (lost.labels, lost.golden_lost) == (3, 1)
    assert lost.agreement == pytest.approx(2 / 3, abs=1e-6)
    assert (lost.original_f1, lost.converted_f1) == (1.0, 0.0)


FIGURES = Figures(
    sentences=200,
    labels=200,
    agreement=0.995,
    flip_margin=0.05,
    max_delta=0.06,
    mean_delta=0.002,
    speedup=1.6,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"agreement": 0.99}, None),
        ({"agreement": 0.985}, "int8 keeps 0.9850 of 200 labels, and 0.99 is asked."),
        (
            {"flip_margin": 0.2},
            "int8 changes a label that the original gives with a margin of 0.200, and 0.1 is allowed.",
        ),
        (
            {"golden_lost": 2},
            "int8 answers 2 golden sentences wrongly that the original answers rightly.",
        ),
    ],
)
def test_what_the_gate_lets_through(change: dict[str, Any], message: str | None) -> None:
    ended = verdict.ended(FIGURES.model_copy(update=change), Gate())
    assert (ended.gate, ended.message) == ("Failed" if message else "Passed", message)


def test_another_gate_may_decide_otherwise_on_the_same_figures() -> None:
    ended = verdict.ended(FIGURES, Gate())
    assert verdict.still_holds(ended, Gate(min_agreement=0.995))
    assert not verdict.still_holds(ended, Gate(min_agreement=0.999))
    assert not verdict.still_holds(verdict.ended(FIGURES, Gate(max_flip_margin=0.01)), Gate())
    assert verdict.still_holds(verdict.failed(Gate(), "No."), Gate(min_agreement=0))


def test_what_a_fetch_tells_of_it() -> None:
    assert verdict.told(None) == {"quantization": "none", "gate": "NotRequested"}
    told = verdict.told(verdict.ended(FIGURES, Gate()))
    assert (told["quantization"], told["gate"], told["agreement"]) == ("int8", "Passed", 0.995)
    assert (told["maxDelta"], told["meanDelta"], told["speedup"]) == (0.06, 0.002, 1.6)
    assert verdict.told(verdict.failed(Gate(), "No.")) == {
        "quantization": "int8", "gate": "Failed", "message": "No.",
    }  # fmt: skip
