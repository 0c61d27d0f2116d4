"""What goes to a predictor and what comes back, in the V2 protocol. Pure."""

import json
import math
from collections.abc import Mapping
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


def encode(request_id: str, text: str) -> bytes:
    """One text as a V2 request."""
    body = {
        "id": request_id,
        "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def decode(body: bytes, *, model: str, labels: int) -> Inference:
    """Read the answer for one text; ValueError unless it is whole, of this model and of that many labels."""
    try:
        answer = json.loads(body)
        outputs = {output["name"]: output for output in answer["outputs"]}
        probabilities = _column(outputs["probabilities"], [1, labels], "FP32")
        category = _column(outputs["category_id"], [1], "INT64")[0]
        truncated = _column(outputs["truncated"], [1], "BOOL")[0]
        revision = answer["parameters"]["model_revision"]
        if answer["model_name"] != model:
            raise ValueError("another model's answer")
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a V2 answer") from error
    if type(category) is not int or not 0 <= category < labels:
        raise ValueError("no such category")
    if not all(
        isinstance(p, int | float) and math.isfinite(p) and -1e-6 <= p <= 1.000001 for p in probabilities
    ):
        raise ValueError("not probabilities")
    if not isinstance(truncated, bool) or not isinstance(revision, str) or not revision:
        raise ValueError("no revision, or truncated is no truth value")
    return Inference(category, tuple(float(p) for p in probabilities), truncated, revision)


def _column(output: Mapping[str, Any], shape: list[int], datatype: str) -> list[Any]:
    data = output["data"]
    if output["datatype"] != datatype or output["shape"] != shape or len(data) != math.prod(shape):
        raise ValueError("an output of another shape")
    return list(data)
