"""A twelfth model is a `kubectl apply`; deleting it keeps its bytes, applying it again finds them."""

import json

import pytest

from .cluster import CATALOGUE, REPO, CommandError, classify, eventually, get, hub_bytes, kubectl, wait_ready
from .conftest import Installation
from .models import apply_model, sample
from .parts import owned

SAMPLE = str(REPO / "manifests/samples/fourth-model.yaml")
NAME = "processing-ground-vi"
REPOSITORY = "veriaidpo-demo/legal-basis-vi"


def gone(kind: str) -> bool:
    try:
        kubectl("get", kind, NAME)
    except CommandError as error:
        return "NotFound" in str(error)
    return False


def test_apply_delete_apply(installation: Installation, tokens: dict[str, str]) -> None:
    golden = CATALOGUE["legal-basis-vi"]["goldenSentences"][0]
    labels = {label["id"]: label["vi"] for label in CATALOGUE["legal-basis-vi"]["labels"]}

    def answers() -> bool:
        for model_type in ("processing_ground", "ground"):
            answer = classify(golden["text"], model_type, "vi", tokens["staff"])
            assert answer.status_code == 200, answer.text
            assert answer.json()["prediction"] == labels[golden["label"]]
            assert answer.json()["model_type"] == model_type
        return True

    kubectl("apply", "-f", SAMPLE)
    wait_ready(NAME)
    eventually(answers, "the gateway routes to the new type", 30)
    claim = get("pvc", f"{NAME}-model")["metadata"]["uid"]

    kubectl("delete", "-f", SAMPLE, "--timeout=60s")
    eventually(lambda: gone("inferenceservice"), "its InferenceService goes", 60)
    eventually(
        lambda: classify(golden["text"], "processing_ground", "vi", tokens["staff"]).status_code == 400,
        "the gateway forgets the type",
        30,
    )
    assert get("pvc", f"{NAME}-model")["metadata"]["uid"] == claim, "the volume is kept"

    before = hub_bytes(REPOSITORY)
    kubectl("apply", "-f", SAMPLE)
    wait_ready(NAME)
    eventually(answers, "it answers again", 30)
    assert hub_bytes(REPOSITORY) == before, "not a byte was downloaded"
    kubectl("delete", "-f", SAMPLE, "--timeout=60s")


@pytest.mark.slow
def test_one_that_wants_something_else_is_fetched_anew_and_leaves_nothing_of_before(
    installation: Installation,
) -> None:
    with apply_model(sample("changed-vi")) as name:
        wait_ready(name)
        before = get("model", name)["status"]["currentRevision"]
        (job,) = names("jobs", name)
        gate = {"minAgreement": 0, "maxFlipMargin": 1}
        wanted = {"quantization": "int8", "gate": gate, "gateSentences": ["Khách hàng đồng ý."]}
        kubectl("apply", "-f", "-", stdin=json.dumps(sample(name, conversion=wanted)))

        def serves_it() -> bool:
            status = get("model", name)["status"]
            return bool(status["format"] == "onnx-int8" and status["currentRevision"] != before)

        eventually(serves_it, "int8 answers", 120)
        wait_ready(name)
        (newer,) = names("jobs", name)
        assert newer != job
        eventually(lambda: names("configmaps", name) == [newer], "what the former fetch was told goes", 60)


def names(kind: str, model: str) -> list[str]:
    """Name what there is of a kind that the operator made for a Model."""
    return [item["metadata"]["name"] for item in get(kind, "-l", owned(model))["items"]]
