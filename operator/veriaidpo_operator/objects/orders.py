"""What a fetch is told, and the ConfigMap that takes it to its pod. Pure.

A file and not a variable of the environment, since the kernel allows a variable 128 KiB only.
"""

import json

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.objects.claims import labels, owner

KEY = "spec.json"

MEASURED_FROM = 50
"""With so many golden sentences or more the fetch measures on them what the model's confidence is worth."""


def converts(model: Model) -> bool:
    """Tell whether the fetch shall turn the weights into another form."""
    return model.spec.conversion.quantization != "none"


def computes(model: Model) -> bool:
    """Tell whether the fetch shall let the model answer sentences, and so needs memory for it."""
    golden = model.spec.serving.golden_sentences
    return (
        converts(model)
        or bool(model.spec.conversion.calibration_sentences)
        or (model.spec.task == "text-classification" and len(golden) >= MEASURED_FROM)
    )


def fetch_spec(model: Model) -> Json:
    """Return what the fetch is told, as its own FetchSpec reads it."""
    spec = model.spec
    conversion = spec.conversion
    asked: Json = {}
    if converts(model):
        asked = {
            "conversion": conversion.model_dump(
                by_alias=True, exclude={"gate_sentences", "calibration_sentences"}
            ),
            "gateSentences": list(conversion.gate_sentences),
        }
    if conversion.calibration_sentences:
        asked["calibrationSentences"] = [one.model_dump() for one in conversion.calibration_sentences]
    if spec.serving.runtime != "onnx":
        asked["runtime"] = spec.serving.runtime
    return {
        "name": model.name,
        "modelType": spec.model_type,
        "language": spec.language,
        "task": spec.task,
        "labels": [label.model_dump(exclude_none=True) for label in spec.labels],
        "maxTokens": spec.max_tokens,
        "source": spec.source.model_dump(
            by_alias=True, exclude={"auth_secret", "ca_bundle"}, exclude_none=True, mode="json"
        ),
        "goldenSentences": [golden.model_dump(exclude_none=True) for golden in spec.serving.golden_sentences],
        **asked,
    }


def config_map(model: Model, job: str) -> Json:
    """Build the ConfigMap of a fetch Job, whose name it has.

    The Job's name is a hash of what is told, so what is in it never changes.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": job,
            "namespace": model.namespace,
            "labels": labels(model),
            "ownerReferences": [owner(model)],
        },
        "immutable": True,
        "data": {KEY: json.dumps(fetch_spec(model), ensure_ascii=False, separators=(",", ":"))},
    }
