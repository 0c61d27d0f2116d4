"""What goes to a predictor and what comes back, in the V2 protocol. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

TOGETHER = 32
"""Texts a predictor is given at once: as many as it computes together."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A model's answer for one text: a probability for each label in order, and which revision gave it."""

    category_id: int
    probabilities: tuple[float, ...]
    truncated: bool
    revision: str

    @property
    def confidence(self) -> float:
        """The probability of the chosen label."""
        return self.probabilities[self.category_id]

    @property
    def second(self) -> int | None:
        """The most probable of the other labels, the first of equal ones; None where there is no other."""
        others = (i for i in range(len(self.probabilities)) if i != self.category_id)
        return max(others, key=self.probabilities.__getitem__, default=None)


def encode(request_id: str, texts: Sequence[str]) -> bytes:
    """Write texts as a V2 request."""
    data = list(texts)
    body = {
        "id": request_id,
        "inputs": [{"name": "text", "shape": [len(data)], "datatype": "BYTES", "data": data}],
    }
    return orjson.dumps(body)


@dataclass(frozen=True, slots=True)
class Outputs:
    """A V2 answer of the model that was asked: its columns, and which revision gave them."""

    revision: str
    _columns: Mapping[str, Mapping[str, Any]]

    def column(self, name: str, shape: list[int], datatype: str) -> list[Any]:
        """Return a column's values; ValueError unless it is there, of that shape and type."""
        try:
            output = self._columns[name]
            data = list(output["data"])
            fits = output["datatype"] == datatype and output["shape"] == shape
        except (KeyError, TypeError) as error:
            raise ValueError("not a V2 answer") from error
        if not fits or len(data) != math.prod(shape):
            raise ValueError("an output of another shape")
        return data


def outputs(body: bytes, *, model: str) -> Outputs:
    """Read a V2 answer; ValueError unless it is one of this model."""
    try:
        answer = orjson.loads(body)
        columns = {output["name"]: output for output in answer["outputs"]}
        revision = answer["parameters"]["model_revision"]
        if answer["model_name"] != model:
            raise ValueError("another model's answer")
    except (KeyError, TypeError) as error:
        raise ValueError("not a V2 answer") from error
    if not isinstance(revision, str) or not revision:
        raise ValueError("no revision")
    return Outputs(revision, columns)


def decode(body: bytes, *, model: str, labels: int, texts: int) -> tuple[Inference, ...]:
    """Read the answers, in the order of the texts; ValueError unless all are whole and of this model."""
    found = outputs(body, model=model)
    categories = found.column("category_id", [texts], "INT64")
    probabilities = found.column("probabilities", [texts, labels], "FP32")
    truncated = found.column("truncated", [texts], "BOOL")
    return tuple(
        _one(categories[i], probabilities[i * labels : (i + 1) * labels], truncated[i], found.revision)
        for i in range(texts)
    )


def _one(category: object, probabilities: Sequence[object], truncated: object, revision: str) -> Inference:
    if type(category) is not int or not 0 <= category < len(probabilities):
        raise ValueError("no such category")
    return Inference(
        category, tuple(_probability(p) for p in probabilities), truth_value(truncated), revision
    )


def truth_value(found: object) -> bool:
    """Read a value of a BOOL column."""
    if not isinstance(found, bool):
        raise ValueError("no truth value")  # noqa: TRY004  one kind of trouble with an answer
    return found


def _probability(value: object) -> float:
    # A hair's breadth past either end is rounding; NaN is in no range.
    if not isinstance(value, int | float) or not -1e-6 <= value <= 1.000001:
        raise ValueError("not a probability")
    return float(value)
