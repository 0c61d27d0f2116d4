"""A claim of any access mode serves: one that many write to, and one that nobody may write to."""

import pytest

from .cluster import CATALOGUE, classify, condition, eventually, get, hub_bytes, kubectl, wait_ready
from .conftest import Installation
from .models import apply_model, sample
from .parts import predictor, ready_pods
from .static_volumes import claim, folder

NAME = "roaming-vi"
REPOSITORY = "veriaidpo-demo/legal-basis-vi"
PATH = "/mnt/veriaidpo-modes"


def right(token: str) -> bool:
    golden = CATALOGUE["legal-basis-vi"]["goldenSentences"][0]
    labels = {label["id"]: label["vi"] for label in CATALOGUE["legal-basis-vi"]["labels"]}
    answer = classify(golden["text"], "roaming", "vi", token)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["prediction"] == labels[golden["label"]])


def test_many_may_write_to_it_and_then_nobody(installation: Installation, tokens: dict[str, str]) -> None:
    """What two pods serve from a ReadWriteMany is found on a ReadOnlyMany, and nobody asks the hub for it."""
    with folder(PATH):
        with claim("modes-rwx", PATH, "ReadWriteMany") as shared:
            several = sample(NAME, storage={"claimName": shared}, serving={"minReplicas": 2})
            with apply_model(several):
                wait_ready(NAME)
                assert len(ready_pods(predictor(NAME))) == 2
                eventually(lambda: right(tokens["staff"]), "it answers", 30)
                revision = get("model", NAME)["status"]["currentRevision"]

        with claim("modes-rox", PATH, "ReadOnlyMany") as frozen:
            sent = hub_bytes(REPOSITORY)
            with apply_model(sample(NAME, storage={"claimName": frozen})):
                wait_ready(NAME)
                eventually(lambda: right(tokens["staff"]), "it answers", 30)
                assert get("model", NAME)["status"]["currentRevision"] == revision
            with apply_model(sample("absent-vi", storage={"claimName": frozen})):
                eventually(
                    lambda: condition("absent-vi", "Ready").get("reason") == "VolumeReadOnly",
                    "what is not there is told",
                    120,
                )
            assert hub_bytes(REPOSITORY) == sent


@pytest.mark.slow
def test_a_label_that_somebody_took_from_a_claim_is_put_back(installation: Installation) -> None:
    name, label = "consent-vi-model", "app.kubernetes.io/part-of"
    kubectl("label", "pvc", name, f"{label}-")
    eventually(lambda: get("pvc", name)["metadata"]["labels"].get(label) == "veriaidpo", "it is back", 30)
