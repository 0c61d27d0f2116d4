"""What goes to a predictor and what comes back, in the V2 protocol. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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


def encode(request_id: str, texts: Sequence[str]) -> bytes:
    """Write texts as a V2 request."""
    data = list(texts)
    body = {
        "id": request_id,
        "inputs": [{"name": "text", "shape": [len(data)], "datatype": "BYTES", "data": data}],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def decode(body: bytes, *, model: str, labels: int, texts: int) -> tuple[Inference, ...]:
    """Read the answers, in the order of the texts; ValueError unless all are whole and of this model."""
    try:
        answer = json.loads(body)
        outputs = {output["name"]: output for output in answer["outputs"]}
        categories = _column(outputs["category_id"], [texts], "INT64")
        probabilities = _column(outputs["probabilities"], [texts, labels], "FP32")
        truncated = _column(outputs["truncated"], [texts], "BOOL")
        revision = answer["parameters"]["model_revision"]
        if answer["model_name"] != model:
            raise ValueError("another model's answer")
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a V2 answer") from error
    if not isinstance(revision, str) or not revision:
        raise ValueError("no revision")
    return tuple(
        _one(categories[i], probabilities[i * labels : (i + 1) * labels], truncated[i], revision)
        for i in range(texts)
    )


def _one(category: object, probabilities: Sequence[object], truncated: object, revision: str) -> Inference:
    if type(category) is not int or not 0 <= category < len(probabilities):
        raise ValueError("no such category")
    if not isinstance(truncated, bool):
        raise ValueError("truncated is no truth value")  # noqa: TRY004  one kind of trouble with an answer
    return Inference(category, tuple(_probability(p) for p in probabilities), truncated, revision)


def _probability(value: object) -> float:
    # A hair's breadth past either end is rounding; NaN is in no range.
    if not isinstance(value, int | float) or not -1e-6 <= value <= 1.000001:
        raise ValueError("not a probability")
    return float(value)


def _column(output: Mapping[str, Any], shape: list[int], datatype: str) -> list[Any]:
    data = output["data"]
    if output["datatype"] != datatype or output["shape"] != shape or len(data) != math.prod(shape):
        raise ValueError("an output of another shape")
    return list(data)
