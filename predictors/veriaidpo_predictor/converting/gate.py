"""The gate: two graphs answer the same sentences, and what differs is counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.session import Session
from veriaidpo_predictor.computing.tasks import Task
from veriaidpo_predictor.golden import Golden
from veriaidpo_predictor.tokenising.tokenise import Encoded
from veriaidpo_predictor.verdict import Figures

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Sentences:
    """What both are asked: the golden sentences first, and their texts among the others."""

    texts: list[str]
    golden: tuple[Golden, ...]
    encoded: list[Encoded]


@dataclass(frozen=True, slots=True)
class Answered:
    """The logits of one graph for each sentence, and the seconds that each took."""

    logits: list[Logits]
    seconds: list[float]


def ask(original: Session, converted: Session, encoded: Sequence[Encoded]) -> tuple[Answered, Answered]:
    """Let both answer every sentence alone, turn by turn, so that a busy moment of the machine is both's."""
    both = Answered([], []), Answered([], [])
    for run in (original, converted):
        run([encoded[0].ids])
    for one in encoded:
        for run, answered in zip((original, converted), both, strict=True):
            started = time.perf_counter()
            answered.logits.append(run([one.ids])[0])
            answered.seconds.append(time.perf_counter() - started)
    return both


def compare(task: Task[Any], asked: Sentences, original: Answered, converted: Answered) -> Figures:
    """Count what differs; `original` and `converted` have the logits of `asked.encoded`, in its order."""
    before, after = (
        np.concatenate(
            [task.decisions(*one) for one in zip(asked.texts, asked.encoded, answered.logits, strict=True)]
        )
        for answered in (original, converted)
    )
    changed = before.argmax(axis=1) != after.argmax(axis=1)
    delta = np.abs(before.astype(np.float64) - after)
    answers = [task.answers(asked.texts, asked.encoded, one.logits) for one in (original, converted)]
    right = [
        [task.fault(golden, answer) is None for golden, answer in zip(asked.golden, found, strict=False)]
        for found in answers
    ]
    f1 = [_macro_f1(task, asked.golden, found) for found in answers]
    return Figures(
        sentences=len(asked.texts),
        labels=len(before),
        # With nothing to differ in (no word in any sentence) nothing differs.
        agreement=_rounded(1 - changed.mean()) if len(before) else 1.0,
        flip_margin=_rounded(_margins(before)[changed].max(initial=0)),
        max_delta=_rounded(delta.max(initial=0)),
        mean_delta=_rounded(delta.mean()) if len(before) else 0.0,
        golden_lost=sum(was and not now for was, now in zip(*right, strict=True)),
        original_f1=f1[0],
        converted_f1=f1[1],
        speedup=round(median(original.seconds) / max(median(converted.seconds), 1e-9), 3),
    )


def _margins(probabilities: Logits) -> npt.NDArray[np.float64]:
    """Give how far the most probable label is ahead of the next; of a single label, all the way."""
    if probabilities.shape[1] == 1:
        return np.ones(len(probabilities))
    best = np.sort(probabilities.astype(np.float64), axis=1)
    margins: npt.NDArray[np.float64] = best[:, -1] - best[:, -2]
    return margins


def _macro_f1(task: Task[Any], golden: Sequence[Golden], answers: Sequence[Any]) -> float | None:
    """Average F1 over the labels that golden sentences name; None when they name none."""
    wanted = {(number, *one) for number, each in enumerate(golden) for one in task.expected(each)}
    found = {
        (number, *one)
        for number, (_, answer) in enumerate(zip(golden, answers, strict=False))
        for one in task.found(answer)
    }
    scores = []
    for label in sorted({one[1] for one in wanted}):
        there, given = ({one for one in each if one[1] == label} for each in (wanted, found))
        scores.append(2 * len(there & given) / (len(there) + len(given)))
    return _rounded(sum(scores) / len(scores)) if scores else None


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
