"""Models that cannot be served say why, and take no other model down."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from .cluster import CATALOGUE, CLASSIFIERS, classify, condition, eventually, get, kubectl
from .conftest import Installation
from .models import apply_model, hub_arguments, hub_pods, sample, source

Apply = Callable[[dict[str, Any]], str]


@pytest.fixture
def apply(installation: Installation) -> Iterator[Apply]:
    """Apply Models, and remove them with their volumes afterwards."""
    with ExitStack() as applied:
        yield lambda resource: applied.enter_context(apply_model(resource))


def tells(name: str, reason: str) -> None:
    """Wait until `kubectl get models` shows the reason, and assert that nothing of the model is served."""
    eventually(lambda: reason in kubectl("get", "model", name), f"{name} says {reason}", 120)
    ready = condition(name, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert len(ready["message"]) > 20, "a sentence, not a word"
    assert condition(name, "Servable")["status"] != "True"
    services = get("inferenceservices")["items"]
    assert name not in {service["metadata"]["name"] for service in services}


def others_answer(tokens: dict[str, str]) -> None:
    for name in CLASSIFIERS:
        entry = CATALOGUE[name]
        golden = entry["goldenSentences"][0]["text"]
        answer = classify(golden, entry["modelType"], entry["language"], tokens["staff"])
        assert answer.status_code == 200, answer.text


def test_a_repository_that_is_not_there(apply: Apply, tokens: dict[str, str]) -> None:
    tells(apply(sample("missing-vi", source=source("veriaidpo-demo/no-such-model"))), "SourceNotFound")
    others_answer(tokens)


def test_labels_of_another_model(apply: Apply, tokens: dict[str, str]) -> None:
    labels = [{"id": i, "en": i, "vi": i} for i in ("red", "green", "blue", "white")]
    tells(apply(sample("colours-vi", labels=labels)), "LabelsMismatch")
    others_answer(tokens)


def test_a_storage_class_that_is_not_there(apply: Apply) -> None:
    name = apply(sample("homeless-vi", storage={"create": {"size": "10Mi", "storageClassName": "gold"}}))
    eventually(
        lambda: "StorageClassMissing" in kubectl("get", "model", name), "the volume's trouble is named", 90
    )


def test_a_flipped_byte(apply: Apply, tokens: dict[str, str]) -> None:
    entry = get("model", "principles-en")["spec"]
    with hub_arguments("--flip=veriaidpo-demo/principles-en/onnx/model.onnx"):
        name = apply(sample("flipped-en", source=entry["source"], labels=entry["labels"], language="en"))
        tells(name, "ChecksumMismatch")
        others_answer(tokens)


def test_a_hub_that_is_away(apply: Apply, tokens: dict[str, str]) -> None:
    kubectl("scale", "deployment/veriaidpo-hub", "--replicas=0")
    try:
        eventually(lambda: not hub_pods(), "the hub's pod has gone", 60)
        name = apply(sample("unreachable-vi"))
        tells(name, "SourceUnreachable")
        others_answer(tokens)
    finally:
        kubectl("scale", "deployment/veriaidpo-hub", "--replicas=1")
        kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")
    # And it gets over it by itself.
    eventually(lambda: condition(name, "Ready").get("status") == "True", "ready once the hub is back", 180)
