"""Temperature scaling: one number by which logits are divided, so that confidence means what it says. Pure.

It is the one that makes the labels of the sentences most probable, on a fixed grid, so that equal logits give
equal temperatures. Dividing by it never changes which label is the most probable.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.calibration import CONFIDENCE_EDGES, Calibration, Reference

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

LEAST_WRONG = 5
"""With fewer errors than these a model is never made surer than it is: a set that is all but without errors
would ask for certainty."""
LEAST_GAIN = 0.005
"""The expected calibration error has to fall by so much; less is chance."""

_TEMPERATURES = np.arange(50, 501) / 100
_BINS = 10
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _At:
    """What a temperature makes of the sentences."""

    confidence: Floats
    loss: float


def calibrate(logits: Floats, truth: Numbers, *, asked: str | None = None) -> Calibration:
    """Choose a temperature for logits [n, labels] of sentences whose labels are `truth` [n]."""
    chosen = logits.argmax(axis=1)
    right = chosen == truth
    wrong = int((~right).sum())
    allowed = _TEMPERATURES if wrong >= LEAST_WRONG else _TEMPERATURES[_TEMPERATURES >= 1]
    best = min(allowed, key=lambda temperature: _at(logits, truth, temperature).loss)
    before, after = (error(_at(logits, truth, one).confidence, right) for one in (1.0, best))
    message = None
    if before - after < LEAST_GAIN:
        message = (
            f"A temperature of {best:.2f} would take the expected calibration error from {before:.4f} to "
            f"{after:.4f}: the answers are left as they are."
        )
        best, after = 1.0, before
    confidence = _at(logits, truth, best).confidence
    return Calibration(
        sentences=len(truth),
        wrong=wrong,
        temperature=round(float(best), 2),
        ece_before=round(before, _DIGITS),
        ece_after=round(after, _DIGITS),
        reference=Reference(
            labels=tuple(np.bincount(chosen, minlength=logits.shape[1]).tolist()),
            confidence=counted(confidence),
        ),
        asked=asked,
        message=message,
    )


def error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Give the expected calibration error: how far confidence is from the share of right answers.

    Over ten bins of equal width, each weighted by how many answers it has.
    """
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    sums = (np.bincount(bins, weights=values, minlength=_BINS) for values in (confidence, right * 1.0))
    sure, hits = sums
    return float(np.abs(sure - hits).sum() / len(confidence))


def counted(confidence: Floats) -> tuple[int, ...]:
    """Count answers between each two edges of confidence."""
    places = np.searchsorted(CONFIDENCE_EDGES, confidence, side="right")
    return tuple(np.bincount(places, minlength=len(CONFIDENCE_EDGES) + 1).tolist())


def _at(logits: Floats, truth: Numbers, temperature: float) -> _At:
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return _At(np.exp(logs.max(axis=1)), float(-logs[np.arange(len(truth)), truth].mean()))
