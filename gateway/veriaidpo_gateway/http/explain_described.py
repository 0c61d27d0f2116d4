"""The description of the routes that classify one sentence, and may explain the answer."""

from typing import Any

from veriaidpo_gateway.classification import occlusion
from veriaidpo_gateway.classification.explain import Explainable, Explained
from veriaidpo_gateway.http import openapi, responses

_PLAIN: dict[str, Any] = responses.CLASSIFY_RESPONSES[200]["content"]["application/json"]["example"]
_WORDS = (
    (0, 9, -0.0031),
    (10, 13, 0.0212),
    (14, 18, 0.0874),
    (19, 24, 0.1406),
    (25, 30, 0.0093),
    (31, 35, 0.0118),
)
_EXPLANATION = {
    "method": occlusion.METHOD,
    "category_id": _PLAIN["category_id"],
    "model_revision": responses.DIGEST,
    "evaluations": len(_WORDS) + 1,
    "most_evaluations": occlusion.MOST + 1,
    "words": [{"start": start, "end": end, "attribution": share} for start, end, share in _WORDS],
}

DESCRIPTION = (
    "With `explain` the answer also says which words it rests on: each word (a company's name counts as one) "
    "is left out once, and `attribution` is by how much the probability of the answer's label falls. Offsets "
    f"are into `original_text`, in code points. A text of more than {occlusion.MOST} words is taken apart "
    "into at most as many stretches. Each evaluation counts in the limits as a call with its characters and "
    "waits for its turn like an item of a batch; nothing of it is cached or recorded."
)

RESPONSES: dict[int | str, dict[str, Any]] = responses.CLASSIFY_RESPONSES | {
    200: {
        "model": Explained,
        "description": "The label",
        "content": {
            "application/json": {
                "examples": {
                    "plain": {"value": _PLAIN},
                    "explained": {"value": {**_PLAIN, "explanation": _EXPLANATION}},
                }
            }
        },
    }
}


def request(model_type: str | None) -> dict[str, Any]:
    """Describe the body, and what may stand in the address."""
    explain = {
        "name": "explain",
        "in": "query",
        "required": False,
        "schema": {"type": "boolean", "default": False},
        "description": "The same as `explain` in the body",
    }
    return {**openapi.body(Explainable, model_type), "parameters": [explain]}
