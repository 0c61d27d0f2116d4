"""A question that was understood, and what its caller is told of a model's answer. Pure but for the time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from veriaidpo_gateway.classification.bodies import Question
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.models.routes import Model
from veriaidpo_gateway.normalisation.normalise import Normalised


class ProcessingMetadata(BaseModel):
    """How an answer came about."""

    model_config = ConfigDict(protected_namespaces=())

    processing_time_ms: float
    normalization_applied: bool
    companies_detected: int
    model_categories: Annotated[int, Field(description="How many labels the model has")]
    timestamp: Annotated[str, Field(description="RFC 3339, UTC")]


class SecondPrediction(BaseModel):
    """The label that came second, by both of its names."""

    category_id: Annotated[int, Field(ge=0)]
    en: str
    vi: str
    confidence: Annotated[float, Field(ge=0, le=1)]


class Classification(BaseModel):
    """A label, and how sure the model is of it. What follows `language` is left out without metadata."""

    model_config = ConfigDict(protected_namespaces=())

    prediction: Annotated[str, Field(description="The label in the request's language")]
    confidence: Annotated[float, Field(ge=0, le=1)]
    category_id: Annotated[int, Field(ge=0)]
    model_type: Annotated[str, Field(description="As it was asked for")]
    language: str
    normalized_text: str | None = None
    detected_companies: list[str] | None = None
    original_text: str | None = None
    processing_metadata: ProcessingMetadata | None = None
    probabilities: Annotated[list[float] | None, Field(description="In the order of category_id")] = None
    model_revision: Annotated[str | None, Field(description="The digest of the revision that answered")] = (
        None
    )
    truncated: bool | None = None
    cached: bool | None = None
    needs_review: Annotated[bool | None, Field(description="Less sure than the model's threshold")] = None
    second_prediction: Annotated[
        SecondPrediction | None, Field(description="Where the answer needs a review")
    ] = None


Answer = dict[str, Any]
"""What `Classification` describes, as it is written: built by us, so nobody has to check it once more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question understood: which model answers it, and the text that model sees."""

    question: Question
    model_type: str
    model: Model
    text: Normalised


def answer(asked: Asked, inference: Inference, *, cached: bool, started: float) -> Answer:
    """Shape an answer; `started` is in monotonic seconds."""
    question, model, text = asked.question, asked.model, asked.text
    short: Answer = {
        "prediction": model.labels[inference.category_id].name(question.language),
        "confidence": inference.confidence,
        "category_id": inference.category_id,
        "model_type": asked.model_type,
        "language": question.language,
    }
    if not question.include_metadata:
        return short
    companies = text.company_names
    return short | {
        "normalized_text": text.text,
        "detected_companies": companies,
        "original_text": text.original,
        "processing_metadata": {
            "processing_time_ms": round((time.monotonic() - started) * 1000, 2),
            "normalization_applied": text.text != text.original,
            "companies_detected": len(companies),
            "model_categories": len(model.labels),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
        "probabilities": inference.probabilities,
        "model_revision": inference.revision,
        "truncated": inference.truncated,
        "cached": cached,
        **_review(model, inference),
    }


def needs_review(model: Model, inference: Inference) -> bool:
    """Tell whether an answer is less sure than the model's threshold asks."""
    return model.threshold is not None and inference.confidence < model.threshold


def _review(model: Model, inference: Inference) -> dict[str, Any]:
    """Say whether a person should look, and which label came second, for whoever does."""
    if not needs_review(model, inference):
        return {"needs_review": False}
    second = inference.second
    if second is None:
        return {"needs_review": True}
    label = model.labels[second]
    return {
        "needs_review": True,
        "second_prediction": {
            "category_id": second,
            "en": label.en,
            "vi": label.vi,
            "confidence": inference.probabilities[second],
        },
    }
