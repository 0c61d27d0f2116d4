"""A twelfth model is a `kubectl apply`; deleting it keeps its bytes, applying it again finds them."""

from .cluster import CATALOGUE, REPO, CommandError, classify, eventually, get, hub_bytes, kubectl, wait_ready
from .conftest import Installation

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
