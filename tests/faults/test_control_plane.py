"""KServe, the API server or the kubelet is away for a while: what answers goes on, and the rest follows."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ..e2e.cluster import eventually, get, kubectl, provider, run
from ..e2e.models import apply_model
from ..e2e.parts import owned
from .models import like, ready, remade, served, tells
from .rows import Load

BY_HAND = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: by-hand}
spec: {predictor: {containers: [{name: kserve-container, image: none}]}}
"""
CONTROLLER = ("--namespace", "kserve", "deployment/kserve-controller-manager")


@contextmanager
def kserve_down() -> Iterator[None]:
    """Leave KServe without its controller, which answers its webhooks as well."""
    run("kubectl", "scale", *CONTROLLER, "--replicas=0")
    try:
        pods = ("kubectl", "get", "pods", "--namespace", "kserve", "-o", "name")
        eventually(lambda: not run(*pods).strip(), "the controller has gone", 60)
        yield
    finally:
        run("kubectl", "scale", *CONTROLLER, "--replicas=1")
        run("kubectl", "rollout", "status", *CONTROLLER, "--timeout=120s", timeout=130)


def test_kserve_has_no_controller(load: Load) -> None:
    with load, ExitStack() as applied:
        row = load.row(
            "kserve-down", "KServe's controller has no pod while a Model comes",
            "downloaded, then RuntimeDown; Ready by itself once the controller is back",
        )  # fmt: skip
        with kserve_down():
            row.struck()
            with pytest.raises(AssertionError, match="failed calling webhook"):
                kubectl("create", "-f", "-", stdin=BY_HAND)
            row.control = "an InferenceService made by hand is refused: its webhook does not answer"
            name = applied.enter_context(apply_model(like("consent-vi", "noruntime-vi")))
            row.saw(f"{tells(name, 'RuntimeDown', seconds=240)} after {row.after()} s")
        row.mended()
        ready(name, 300)
        row.healed()


@contextmanager
def stopped(component: str) -> Iterator[None]:
    """End one of the cluster's own processes, and begin it again."""
    provider("stop", component)
    try:
        yield
    finally:
        provider("start", timeout=240)


@pytest.mark.parametrize("seconds", [40, 60])
def test_the_api_server_is_away(load: Load, seconds: int) -> None:
    """After more than the node monitor's grace period Kubernetes takes a node for lost, wherever it runs.

    A single node's pods are out of their Services then, until it has reported: no answer can come. What
    failed before the API server was back is ours, and what failed afterwards only where no node was lost.
    """
    with served(like("consent-vi", f"lonely{seconds}-vi")) as name, load:
        row = load.row(
            f"apiserver-away-{seconds}", f"the API server is away for {seconds} s",
            "callers notice nothing; the operator goes on where it was, its pod is not restarted",
        )  # fmt: skip
        before, was_lost = restarts(), lost_nodes()
        made = get("inferenceservice", name)["metadata"]["uid"]
        with stopped("kube-apiserver"):
            row.struck()
            with pytest.raises(AssertionError):
                run("kubectl", "--request-timeout=5s", "get", "nodes")
            row.control = "kubectl is refused meanwhile"
            time.sleep(seconds)
            back = load.traffic.now()
            unlike = sum(bool(answer.fault) for answer in load.traffic.answers)
            row.saw(f"{unlike} failed or 503 while it was away")
        row.mended()
        # The operator works again when it repairs something.
        kubectl("delete", "inferenceservice", name, "--wait=false")
        eventually(lambda: remade("inferenceservices", name, made), "it is made again", 300)
        ready(name, 240)
        assert restarts() == before, "the operator ended"
        row.healed()
        if lost_nodes() - was_lost:
            row.saw("then Kubernetes took its only node for lost, and its pods out of their Services")
            load.excuse(lambda answer: answer.at >= back)


def lost_nodes() -> set[str]:
    """Return the events that tell of pods whose node was taken for lost, and how often it was."""
    listed = run("kubectl", "get", "events", "-A", "--field-selector=reason=NodeNotReady", "-o", "json")
    return {f"{one['metadata']['uid']} {one.get('count')}" for one in json.loads(listed)["items"]}


def restarts() -> int:
    """Count the restarts of the operator's container."""
    path = "jsonpath={.items[*].status.containerStatuses[*].restartCount}"
    counts = kubectl("get", "pods", "-l", "app.kubernetes.io/component=operator", "-o", path)
    return sum(map(int, counts.split()))


def test_the_kubelet_is_restarted(load: Load) -> None:
    with load, ExitStack() as applied:
        row = load.row(
            "kubelet-restarted", "the kubelet is away for 20 s while a Model comes",
            "pods go on answering; the new Model is Ready by itself",
        )  # fmt: skip
        with stopped("kubelet"):
            row.struck()
            name = applied.enter_context(apply_model(like("consent-vi", "unhoused-vi")))
            time.sleep(20)
            phases = "jsonpath={.items[*].status.phase}"
            assert "Running" not in kubectl("get", "pods", "-l", owned(name), "-o", phases)
            row.control = "no pod of the new Model runs meanwhile"
        row.mended()
        ready(name, 300)
        row.healed()
        row.saw(f"Ready {row.healed_seconds} s after the kubelet was back")


@pytest.mark.skipif(
    "ALONE" not in os.environ, reason="removes every InferenceService of the cluster: ALONE=1"
)
def test_the_definition_of_inference_services_goes_and_comes_back(load: Load) -> None:
    definition = "inferenceservices.serving.kserve.io"
    with load:
        row = load.row(
            "kserve-crd-gone", "the definition of InferenceServices goes, with all of them, and comes back",
            "honest 503s and RuntimeUnavailable; all Ready by themselves once it is back, and no restart",
        )  # fmt: skip
        before = restarts()
        stored = run("kubectl", "get", "crd", definition, "-o", "json", "--show-managed-fields=false")
        run("kubectl", "delete", "crd", definition, "--timeout=120s", timeout=130)
        row.struck()
        row.saw(f"{tells('consent-vi', 'RuntimeUnavailable')} after {row.after()} s")
        run("kubectl", "create", "-f", "-", stdin=_without_history(stored))
        row.mended()
        kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=400s", timeout=410)
        assert restarts() == before, "the operator ended"
        row.healed()


def _without_history(stored: str) -> str:
    body = json.loads(stored)
    kept = ("name", "labels", "annotations")
    body["metadata"] = {k: v for k, v in body["metadata"].items() if k in kept}
    body.pop("status", None)
    return json.dumps(body)
