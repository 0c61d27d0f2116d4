"""Somebody edits or deletes by hand what the operator keeps: it is put right within 30 s."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ..e2e.cluster import condition, eventually, get, hub_bytes, kubectl
from ..e2e.models import hub_pods
from ..e2e.parts import owned
from .models import like, ready, remade, served
from .rows import Load

NAME = "drift-vi"
REPAIRED = 30


def service() -> dict[str, Any]:
    return get("inferenceservice", NAME)


def edit(kind: str, name: str, *patch: dict[str, Any]) -> None:
    kubectl("patch", kind, name, "--type=json", "-p", json.dumps(patch))


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


@pytest.fixture
def repaired(load: Load) -> Callable[..., None]:
    """Return what does an edit and waits until it is undone, as one row."""

    def act(row: str, fault: str, do: Callable[[], None], undone: Callable[[], object]) -> None:
        line = load.row(row, fault, f"put right within {REPAIRED} s")
        do()
        line.struck()
        if not undone():
            line.control = "the edit was seen before it was undone"
        eventually(undone, "it is put right", REPAIRED)
        line.saw(f"put right after {line.after()} s")
        line.healed()

    return act


def test_objects_are_edited(load: Load, repaired: Callable[..., None]) -> None:
    with load, served(like("legal-basis-vi", NAME)):
        spec = service()["spec"]["predictor"]
        arguments, container = spec["containers"][0]["args"], "/spec/predictor/containers/0"
        repaired(
            "drift-service-edited", "the InferenceService is told to serve another folder",
            lambda: edit("inferenceservice", NAME, replace(f"{container}/args", ["serve", "/tmp"])),
            lambda: service()["spec"]["predictor"]["containers"][0]["args"] == arguments,
        )  # fmt: skip
        repaired(
            "drift-service-orphaned", "the InferenceService loses its owner",
            lambda: edit("inferenceservice", NAME, {"op": "remove", "path": "/metadata/ownerReferences"}),
            lambda: service()["metadata"].get("ownerReferences"),
        )  # fmt: skip
        label = "veriaidpo.verisyntra.vn/model"
        repaired(
            "drift-service-exposed", "the InferenceService loses the label that keeps it from outside",
            lambda: kubectl("label", "inferenceservice", NAME, "networking.kserve.io/visibility-"),
            lambda: service()["metadata"]["labels"].get("networking.kserve.io/visibility") == "cluster-local",
        )  # fmt: skip
        repaired(
            "drift-claim-edited", "the claim loses a label",
            lambda: kubectl("label", "pvc", f"{NAME}-model", "app.kubernetes.io/part-of-"),
            lambda: get("pvc", f"{NAME}-model")["metadata"]["labels"].get("app.kubernetes.io/part-of"),
        )  # fmt: skip
        assert get("pvc", f"{NAME}-model")["metadata"]["labels"][label] == NAME
        lie = json.dumps({"status": {"currentRevision": "0" * 64, "progress": "1%"}})
        repaired(
            "drift-status-edited", "the Model's status claims another revision",
            lambda: kubectl("patch", "model", NAME, "--subresource=status", "--type=merge", "-p", lie),
            lambda: get("model", NAME)["status"].get("currentRevision") != "0" * 64,
        )  # fmt: skip
        ready(NAME)


def test_objects_are_deleted(load: Load, repaired: Callable[..., None]) -> None:
    with load, served(like("legal-basis-vi", NAME)):
        before = service()["metadata"]["uid"]
        repaired(
            "drift-service-deleted", "the InferenceService is deleted",
            lambda: kubectl("delete", "inferenceservice", NAME, "--wait=false"),
            lambda: remade("inferenceservices", NAME, before),
        )  # fmt: skip
        ready(NAME)
        deployment = f"{NAME}-predictor"
        old = get("deployment", deployment)["metadata"]["uid"]
        repaired(
            "drift-deployment-deleted", "the Deployment that KServe made is deleted",
            lambda: kubectl("delete", "deployment", deployment, "--wait=false"),
            lambda: remade("deployments", deployment, old),
        )  # fmt: skip
        ready(NAME)
        row = load.row("drift-job-deleted", "the finished fetch Job is deleted", "nothing is fetched again")
        sent, hub = hub_bytes("veriaidpo-demo/legal-basis-vi"), hub_pods()[0]["metadata"]["uid"]
        kubectl("delete", "jobs", "-l", owned(NAME))
        load.traffic.more(500)
        assert condition(NAME, "Ready")["status"] == "True"
        assert hub_pods()[0]["metadata"]["uid"] == hub, "its counters go on"
        assert hub_bytes("veriaidpo-demo/legal-basis-vi") == sent
        assert get("jobs", "-l", owned(NAME))["items"] == []
        row.saw("no Job, no byte from the hub, Ready all the time")
        row.survived()
