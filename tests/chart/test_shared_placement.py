"""One predictor for all models of the catalogue, and the smallest installation, which has it."""

from decimal import Decimal

import pytest

from .conftest import CHART, kinds, render

MINIMAL = CHART / "ci/minimal-values.yaml"
_UNITS = {"Gi": 2**30, "Mi": 2**20}


def memory(amount: str) -> Decimal:
    return Decimal(amount[:-2]) * _UNITS[amount[-2:]]


def test_all_models_are_on_one_claim_that_the_chart_makes_and_keeps() -> None:
    objects = render("models.serving.placement=shared", "models.storage.size=20Gi")
    (claim,) = kinds(objects, "PersistentVolumeClaim")
    assert claim["metadata"]["name"] == "veriaidpo-models"
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["resources"]["requests"]["storage"] == "20Gi"
    for model in kinds(objects, "Model"):
        assert model["spec"]["storage"] == {"claimName": "veriaidpo-models", "reclaimPolicy": "Retain"}
        assert model["spec"]["serving"]["placement"] == "shared"


def test_that_claim_goes_with_the_release_when_that_is_wanted() -> None:
    objects = render("models.serving.placement=shared", "models.storage.reclaimPolicy=Delete")
    (claim,) = kinds(objects, "PersistentVolumeClaim")
    assert "annotations" not in claim["metadata"]


@pytest.mark.parametrize("placement", ["own", "shared"])
def test_an_existing_claim_is_used_and_none_is_made(placement: str) -> None:
    objects = render(f"models.serving.placement={placement}", "models.storage.claimName=nfs")
    assert kinds(objects, "PersistentVolumeClaim") == []
    assert {model["spec"]["storage"]["claimName"] for model in kinds(objects, "Model")} == {"nfs"}


def test_the_smallest_installation_fits_into_four_gigabytes() -> None:
    objects = render(values=MINIMAL)
    workloads = [item for item in objects if item["kind"] in {"Deployment", "StatefulSet"}]
    pods = [item["spec"]["template"]["spec"]["containers"] for item in workloads]
    assert {item["metadata"]["name"]: item["spec"]["replicas"] for item in workloads} == {
        "veriaidpo-gateway": 1,
        "veriaidpo-operator": 1,
    }
    (operator,) = (item for item in workloads if item["metadata"]["name"] == "veriaidpo-operator")
    env = {
        e["name"]: e.get("value", "") for e in operator["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert env["MAX_DOWNLOADS"] == "1"
    assert '"memory":"2Gi"' in env["SHARED_RESOURCES"]
    fetch, predictor = memory("1Gi"), memory("2Gi")
    limits = sum(memory(c["resources"]["limits"]["memory"]) for pod in pods for c in pod)
    assert limits + fetch + predictor < 4 * 10**9
