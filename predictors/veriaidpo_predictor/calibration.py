"""How far a model's confidence can be believed: what was measured on labelled sentences, and what follows."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from veriaidpo_predictor.golden import GoldenSentence
from veriaidpo_predictor.record import Record
from veriaidpo_predictor.verdict import Share

CONFIDENCE_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""What a confidence is counted between; each edge belongs to what is above it."""

LEAST_SENTENCES = 50
"""Fewer labelled sentences say too little of how often a model errs."""

Count = Annotated[int, Field(ge=0)]


class Reference(Record):
    """How the sentences were answered: how many got each label, in order, and how many each confidence."""

    labels: Annotated[tuple[Count, ...], Field(min_length=1, max_length=1_024)]
    confidence: Annotated[
        tuple[Count, ...],
        Field(min_length=len(CONFIDENCE_EDGES) + 1, max_length=len(CONFIDENCE_EDGES) + 1),
    ]


class Calibration(Record):
    """How the calibration of a revision ended; `temperature` is what its logits are divided by.

    `ece_before` and `ece_after` are expected calibration errors, and `wrong` counts the sentences that got
    another label than theirs; they and the reference are there unless nothing could be measured. `message`
    says why the temperature is 1. `asked` is of the sentences, where they were given for this alone.
    """

    sentences: Annotated[int, Field(ge=0)]
    wrong: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    ece_before: Share | None = None
    ece_after: Share | None = None
    reference: Reference | None = None
    asked: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    message: Annotated[str, Field(max_length=512)] | None = None


def asked_for(sentences: Sequence[GoldenSentence]) -> str | None:
    """Name a set of calibration sentences by its sha256; None where there are none."""
    if not sentences:
        return None
    listed = [[one.text, one.label] for one in sentences]
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def too_few(sentences: int, asked: str | None) -> Calibration:
    """Give the calibration of a model that has too few labelled sentences for one."""
    return Calibration(
        sentences=sentences,
        asked=asked,
        message=f"There are {sentences} labelled sentences, and {LEAST_SENTENCES} are needed.",
    )


def unmeasured(sentences: int, asked: str | None, why: str) -> Calibration:
    """Give the calibration of a model that could not be asked."""
    told_why = f"It could not be measured: {why.removesuffix('.')}."[:512]
    return Calibration(sentences=sentences, asked=asked, message=told_why)


def of_the_digest(calibration: Calibration | None) -> dict[str, Any]:
    """Give what a revision's digest covers of it: what changes its answers, and what it was measured on."""
    if calibration is None or (calibration.temperature == 1 and calibration.asked is None):
        return {}
    return {"calibration": {"sentences": calibration.asked, "temperature": calibration.temperature}}


def told(calibration: Calibration | None) -> dict[str, Any]:
    """Give what a fetch reports of it, as it stands in a Model's status."""
    if calibration is None:
        return {}
    left_out = {"reference", "asked"}
    return {"calibration": calibration.model_dump(by_alias=True, exclude_none=True, exclude=left_out)}
