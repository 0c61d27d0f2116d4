"""What of an installation's objects a backup keeps, and that the scripts know the chart's names."""

import subprocess
from typing import Any

import kept
import kubernetes_validate
import pytest

from .conftest import REPO, render

CLAIM: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {
        "name": "legal-basis-vi-model",
        "namespace": "aidpo",
        "uid": "1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"veriaidpo.verisyntra.vn/model": "legal-basis-vi"},
        "annotations": {"pv.kubernetes.io/bind-completed": "yes", "team": "aidpo"},
        "finalizers": ["kubernetes.io/pvc-protection"],
        "ownerReferences": [{"uid": "2"}],
    },
    "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "pv-1"},
    "status": {"phase": "Bound"},
}


def a_list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "List", "items": list(items)}


def pod(name: str, claim: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": claim}}, {"name": "tmp"}]
        },
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_a_claim_is_kept_so_that_the_operator_knows_it_and_any_volume_will_do() -> None:
    (claim,) = kept.claims(a_list(CLAIM))["items"]
    assert claim == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "legal-basis-vi-model",
            "labels": {"veriaidpo.verisyntra.vn/model": "legal-basis-vi"},
            "annotations": {"team": "aidpo"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"]},
    }


def test_a_secret_of_the_release_stays_helms_own() -> None:
    secret = {
        "kind": "Secret",
        "metadata": {"name": "a", "uid": "1", "annotations": {"meta.helm.sh/release-name": "veriaidpo"}},
        "data": {"jwt-secret-key": "eA=="},
    }
    (got,) = kept.objects(a_list(secret))["items"]
    assert got["metadata"] == {"name": "a", "annotations": {"meta.helm.sh/release-name": "veriaidpo"}}
    assert got["data"] == secret["data"]


def test_models_of_the_catalogue_come_back_with_the_chart_and_others_from_the_backup() -> None:
    shipped = {"kind": "Model", "metadata": {"name": "a", "labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    own = {
        "kind": "Model",
        "metadata": {"name": "b"},
        "spec": {"language": "vi"},
        "status": {"revisions": []},
    }
    assert kept.by_hand(a_list(shipped, own))["items"] == [
        {"kind": "Model", "spec": {"language": "vi"}, "metadata": {"name": "b"}}
    ]


def test_each_volume_is_read_once_from_a_pod_that_answers() -> None:
    pods = a_list(pod("a-1", "a", "False"), pod("a-2", "a"), pod("a-3", "a"), pod("b-1", "b"))
    assert list(kept.mounted(pods)) == [("a", "a-2"), ("b", "b-1")]


def test_what_fills_a_volume_is_a_valid_pod() -> None:
    kubernetes_validate.validate(
        kept.filler("legal-basis-vi-model", "veriaidpo-fetch:0.1.0"),
        kubernetes_validate.latest_version(),
        strict=True,
    )


@pytest.mark.parametrize("release", ["veriaidpo", "aidpo", "my-veriaidpo-2", "a" * 53])
def test_the_scripts_know_the_charts_names(release: str) -> None:
    command = f". {REPO}/hack/installation.sh; echo $fullname-gateway $database"
    done = subprocess.run(
        ["bash", "-c", command], env={"RELEASE": release}, capture_output=True, text=True, check=True
    )
    names = {(item["kind"], item["metadata"]["name"]) for item in render(release=release)}
    gateway, database = done.stdout.split()
    assert ("Deployment", gateway) in names
    assert ("StatefulSet", database) in names


def test_the_image_that_fills_is_the_operators_own_for_fetching() -> None:
    (operator,) = (
        i for i in render() if i["metadata"]["name"] == "veriaidpo-operator" and i["kind"] == "Deployment"
    )
    assert kept.fetch_image(operator).startswith("veriaidpo-fetch:")
