"""How far a model's answers have moved from those to the sentences that it was calibrated on.

The population stability index of two histograms: the sum of (p - q) ln(p / q) over their places. Below 0.1
they are alike, above 0.25 they are not. Two samples of one and the same source differ by chance, too, on
average by (places - 1)(1/n + 1/m): so much is taken off.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from veriaidpo_predictor.calibration import CONFIDENCE_EDGES, Calibration, Reference

MOST = 2_000
"""Answers that are looked back on: what was asked longer ago says nothing of today."""
LEAST = 200
"""With fewer, nothing is told."""

_NONE_SEEN = 0.5
"""Added to each place, so that one which nobody was seen in yet is not infinitely far away."""


class Recent:
    """The latest answers of one revision, as counts; labels by number, confidence by place."""

    def __init__(self, reference: Reference, *, most: int = MOST, least: int = LEAST) -> None:
        self._reference, self._most, self._least = reference, most, least
        self._answers: deque[tuple[int, int]] = deque()
        self._labels = [0] * len(reference.labels)
        self._confidence = [0] * len(reference.confidence)

    @classmethod
    def beside(cls, calibration: Calibration | None) -> "Recent | None":
        """Begin with no answers; None where there is nothing to compare them with."""
        reference = calibration.reference if calibration is not None else None
        return None if reference is None else cls(reference)

    def add(self, label: int, confidence: float) -> None:
        """Note an answer, and forget the oldest beyond the bound."""
        place = bisect_right(CONFIDENCE_EDGES, confidence)
        self._count(label, place, 1)
        self._answers.append((label, place))
        if len(self._answers) > self._most:
            self._count(*self._answers.popleft(), -1)

    def of_labels(self) -> float:
        """Tell how far the shares of the labels have moved; NaN as long as too few were given."""
        return self._moved(self._reference.labels, self._labels)

    def of_confidence(self) -> float:
        """Tell how far confidence has moved; NaN as long as too few answers were given."""
        return self._moved(self._reference.confidence, self._confidence)

    def _count(self, label: int, place: int, by: int) -> None:
        self._labels[label] += by
        self._confidence[place] += by

    def _moved(self, expected: Sequence[int], seen: Sequence[int]) -> float:
        return stability(expected, seen) if len(self._answers) >= self._least else math.nan


def stability(expected: Sequence[int], seen: Sequence[int]) -> float:
    """Give the population stability index of two histograms of equal places, less what chance alone makes."""
    there, now = (_shares(counts) for counts in (expected, seen))
    index = sum((q - p) * math.log(q / p) for p, q in zip(there, now, strict=True))
    chance = (len(expected) - 1) * (1 / sum(expected) + 1 / sum(seen))
    return max(0.0, index - chance)


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + _NONE_SEEN * len(counts)
    return [(count + _NONE_SEEN) / whole for count in counts]
