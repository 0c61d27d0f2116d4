"""Models that cannot be served say why, and take no other model down."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .cluster import DEMO_MODELS, REPO, classify, condition, eventually, get, kubectl
from .conftest import Installation

SAMPLE = yaml.safe_load((REPO / "manifests/samples/fourth-model.yaml").read_text())


def model(name: str, **spec: Any) -> dict[str, Any]:
    """Return a Model like the sample with another name, type and these fields of spec."""
    changed = {"modelType": name.removesuffix("-vi").replace("-", "_"), "aliases": [], **spec}
    return {**SAMPLE, "metadata": {"name": name}, "spec": {**SAMPLE["spec"], **changed}}


@pytest.fixture
def apply(installation: Installation) -> Iterator[Any]:
    """Apply Models, and remove them with their volumes afterwards."""
    applied: list[str] = []

    def _apply(resource: dict[str, Any]) -> str:
        name: str = resource["metadata"]["name"]
        applied.append(name)
        kubectl("apply", "-f", "-", stdin=json.dumps(resource))
        return name

    yield _apply
    for name in applied:
        kubectl("delete", "model", name, "--timeout=60s")
        kubectl("delete", "pvc", f"{name}-model", "--ignore-not-found", "--wait=false")


def source(repository: str) -> dict[str, str]:
    return {"uri": f"hf://{repository}", "revision": "main"}


def tells(name: str, reason: str) -> None:
    """Wait until `kubectl get models` shows the reason, and assert that nothing of the model is served."""
    eventually(lambda: reason in kubectl("get", "model", name), f"{name} says {reason}", 120)
    ready = condition(name, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert len(ready["message"]) > 20, "a sentence, not a word"
    assert condition(name, "Servable")["status"] != "True"
    services = get("inferenceservices")["items"]
    assert name not in {service["metadata"]["name"] for service in services}


def others_answer(tokens: dict[str, str], catalogue: dict[str, dict[str, Any]]) -> None:
    for name in DEMO_MODELS:
        entry = catalogue[name]
        golden = entry["goldenSentences"][0]["text"]
        answer = classify(golden, entry["modelType"], entry["language"], tokens["staff"])
        assert answer.status_code == 200, answer.text


def test_a_repository_that_is_not_there(apply: Any, tokens: Any, catalogue: Any) -> None:
    tells(apply(model("missing-vi", source=source("veriaidpo-demo/no-such-model"))), "SourceNotFound")
    others_answer(tokens, catalogue)


def test_labels_of_another_model(apply: Any, tokens: Any, catalogue: Any) -> None:
    labels = [{"id": i, "en": i, "vi": i} for i in ("red", "green", "blue", "white")]
    tells(apply(model("colours-vi", labels=labels)), "LabelsMismatch")
    others_answer(tokens, catalogue)


def test_a_storage_class_that_is_not_there(apply: Any) -> None:
    name = apply(model("homeless-vi", storage={"create": {"size": "10Mi", "storageClassName": "gold"}}))
    eventually(
        lambda: any(r in kubectl("get", "model", name) for r in ("VolumePending", "StorageClassMissing")),
        "the volume's trouble is named",
        90,
    )


def test_a_flipped_byte(apply: Any, tokens: Any, catalogue: Any) -> None:
    deployment = get("deployment", "veriaidpo-hub")
    original = deployment["spec"]["template"]["spec"]["containers"][0].get("args", [])
    flipped = [*original, "--flip=veriaidpo-demo/principles-en/onnx/model.onnx"]
    set_hub_arguments(flipped)
    try:
        entry = get("model", "principles-en")["spec"]
        name = apply(model("flipped-en", source=entry["source"], labels=entry["labels"], language="en"))
        tells(name, "ChecksumMismatch")
        others_answer(tokens, catalogue)
    finally:
        set_hub_arguments(original)


def test_a_hub_that_is_away(apply: Any, tokens: Any, catalogue: Any) -> None:
    kubectl("scale", "deployment/veriaidpo-hub", "--replicas=0")
    try:
        eventually(lambda: not hub_pods(), "the hub's pod has gone", 60)
        name = apply(model("unreachable-vi"))
        tells(name, "SourceUnreachable")
        others_answer(tokens, catalogue)
    finally:
        kubectl("scale", "deployment/veriaidpo-hub", "--replicas=1")
        kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")
    # And it gets over it by itself.
    eventually(lambda: condition(name, "Ready").get("status") == "True", "ready once the hub is back", 180)


def hub_pods() -> list[dict[str, Any]]:
    pods: list[dict[str, Any]] = get("pods", "-l", "app.kubernetes.io/component=hub")["items"]
    return pods


def set_hub_arguments(arguments: list[str]) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": arguments}]
    kubectl("patch", "deployment", "veriaidpo-hub", "--type=json", "-p", json.dumps(patch))
    kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")
    eventually(lambda: len(hub_pods()) == 1, "one hub is left", 60)
