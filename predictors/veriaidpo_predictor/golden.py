"""Labels of a model, and golden sentences: texts with the answers that a sound model gives."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, model_validator

from veriaidpo_predictor.record import Record

Task = Literal["text-classification", "token-classification"]


class Label(Record):
    """A class of a model, its position in the list the category_id; or a type of the spans that one finds."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    vi: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    article: Annotated[str, StringConstraints(max_length=256)] | None = None


class GoldenSentence(Record):
    """A text and the id of the label a sound model gives it."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    label: str


class GoldenSpan(Record):
    """A part of a text, in code points from `start` up to but without `end`, and the id of its label."""

    start: Annotated[int, Field(ge=0)]
    end: int
    label: str


class GoldenSpans(Record):
    """A text and exactly the spans that a sound model finds in it, in their order."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    spans: Annotated[tuple[GoldenSpan, ...], Field(max_length=256)]

    @model_validator(mode="after")
    def _spans_are_in_the_text(self) -> "GoldenSpans":
        at = 0
        for span in self.spans:
            if not at <= span.start < span.end <= len(self.text):
                raise ValueError("the spans lie in the text, in order, and do not overlap")
            at = span.end
        return self


Golden = GoldenSentence | GoldenSpans


def bio(labels: Sequence[Label]) -> list[str]:
    """Name the tags of a model that finds spans: none (O), and the beginning and inside of each label."""
    return ["O", *(f"{position}-{label.id}" for label in labels for position in "BI")]


def fitting(golden: tuple[Golden, ...], info: ValidationInfo) -> tuple[Golden, ...]:
    """Check that golden sentences are those of the document's task; raises ValueError."""
    wanted = GoldenSpans if finds_spans(info) else GoldenSentence
    known = {label.id for label in info.data.get("labels", ())}
    if not all(isinstance(one, wanted) for one in golden):
        raise ValueError(f"a golden sentence of a {info.data.get('task')} model is not of this form")
    if any(span.label not in known for one in golden if isinstance(one, GoldenSpans) for span in one.spans):
        raise ValueError("a golden sentence has a span with a label that the model lacks")
    return golden


def finds_spans(info: ValidationInfo) -> bool:
    """Tell whether the document is of a model that finds spans."""
    return info.data.get("task") == "token-classification"
