"""The version before is upgraded to this one, and gone back to, while people ask."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from ..tables import kept
from .cluster import (
    CHART,
    CLASSIFIERS,
    DEMO_MODELS,
    NAMESPACE,
    REPO,
    eventually,
    get,
    helm,
    kubectl,
    run,
    wait_ready,
)
from .conftest import TENANTS, answered, remove_everything, tenant_tokens, token
from .traffic import Traffic

pytestmark = pytest.mark.slow

(PACKAGE,) = (REPO / "tests/e2e/previous").glob("veriaidpo-*.tgz")
PREVIOUS = PACKAGE.stem.removeprefix("veriaidpo-")
MODELS = ("consent-vi", "data-retention-vi", "legal-basis-vi", "principles-vi")
"""A few of them: what is seen is the same, and two cores roll them in a minute."""

WITHOUT = ",".join(sorted(set(DEMO_MODELS) - set(MODELS)))
SETTINGS = ("--set", "demoHub.enabled=true", "--set", f"models.disabled={{{WITHOUT}}}")
NOT_CALIBRATED = ("--set", "demoHub.calibration=false")
"""The version before reads no revision with a calibration: who may go back to it does without."""

WAITING = ("--wait", "--timeout", "5m")
DEFINITION = "models.veriaidpo.verisyntra.vn"
LEAST_RATE = 10.0
"""Requests a second: both cores also start what takes over."""


@pytest.fixture(scope="module")
def previous() -> Iterator[None]:
    """Install the packaged chart of the version before on an empty cluster, with images of its own."""
    assert set(MODELS) <= set(CLASSIFIERS)
    if os.environ.get("IMAGES") != "0":
        run("hack/previous", "images", timeout=1200)
    remove_everything()
    run("kubectl", "create", "namespace", NAMESPACE)
    run("kubectl", "label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    helm("install", "veriaidpo", str(PACKAGE), *SETTINGS, *WAITING, timeout=330)
    wait_ready(*MODELS, seconds=300)
    yield
    if not os.environ.get("KEEP"):
        remove_everything()


@pytest.fixture(scope="module")
def load(previous: None) -> Traffic:
    """Return a load of what is installed, by several tenants, not yet begun."""
    return Traffic(answered(token("staff"), each=10, models=MODELS), tenant_tokens(TENANTS))


@pytest.fixture
def traffic(load: Traffic) -> Traffic:
    """Return the same load, with no answers yet."""
    return Traffic(load.questions, load.tokens)


def fields() -> set[str]:
    """Return what spec.conversion may have, as the API server knows it."""
    definition = json.loads(run("kubectl", "get", "crd", DEFINITION, "--output", "json"))
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return set(spec["properties"]["conversion"]["properties"])


def models() -> dict[str, str]:
    """Return the UID of each Model: one that was made anew would have another."""
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in get("models")["items"]}


def versions() -> dict[str, set[str]]:
    """Return the tags of the product's images that run, by component, without pods that are leaving."""
    found: dict[str, set[str]] = {}
    for pod in get("pods", "--selector", "app.kubernetes.io/part-of=veriaidpo")["items"]:
        if "deletionTimestamp" in pod["metadata"] or pod["status"]["phase"] != "Running":
            continue
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        images = [one["image"] for one in pod["spec"]["containers"] if "veriaidpo-" in one["image"]]
        found.setdefault(component, set()).update(image.rpartition(":")[2] for image in images)
    return found


def everywhere(version: str) -> bool:
    """Tell whether everything that answers is of a version, and every Model Ready."""
    running = versions()
    parts = {part: running.get(part) for part in ("gateway", "operator", "predictor")}
    ready = [
        condition["status"]
        for item in get("models")["items"]
        for condition in item["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    return set(map(str, parts.values())) == {str({version})} and ready == ["True"] * len(MODELS)


def written(step: str, traffic: Traffic, failed: list[Any]) -> None:
    """Keep the figures in build/operations.json."""
    with kept("operations") as body:
        body[step] = {"from": PREVIOUS, "sent": len(traffic.answers), "failed": len(failed)}


def this_version() -> str:
    return next(
        line.partition('"')[2].rstrip('"')
        for line in (CHART / "Chart.yaml").read_text().splitlines()
        if line.startswith("appVersion")
    )


def test_an_upgrade_fails_no_request_and_loses_no_model(traffic: Traffic) -> None:
    before = models()
    assert set(before) == set(MODELS)
    assert everywhere(PREVIOUS)
    assert "calibrationSentences" not in fields()
    with traffic:
        traffic.more()
        helm("upgrade", "veriaidpo", str(CHART), *SETTINGS, *NOT_CALIBRATED, *WAITING, timeout=330)
        eventually(lambda: everywhere(this_version()), "all is of this version", 240)
        traffic.more()
    failed = traffic.failed(least_rate=LEAST_RATE)
    written("upgrade", traffic, failed)
    assert failed == []
    assert models() == before
    assert "calibrationSentences" in fields()


def test_a_model_may_then_use_the_new_field() -> None:
    label = get("model", "consent-vi")["spec"]["labels"][0]["id"]
    sentences = [{"text": "Tôi đồng ý.", "label": label}]
    patch = json.dumps({"spec": {"conversion": {"calibrationSentences": sentences}}})
    typed = ("model", "consent-vi", "--type=merge", "--dry-run=server", "--output", "json", "--patch", patch)
    assert json.loads(kubectl("patch", *typed))["spec"]["conversion"]["calibrationSentences"] == sentences


def test_going_back_fails_no_request_and_loses_no_model(traffic: Traffic) -> None:
    before = models()
    with traffic:
        traffic.more()
        helm("rollback", "veriaidpo", *WAITING, timeout=330)
        eventually(lambda: everywhere(PREVIOUS), "all is of the version before", 240)
        traffic.more()
    failed = traffic.failed(least_rate=LEAST_RATE)
    written("rollback", traffic, failed)
    assert failed == []
    assert models() == before
    assert "calibrationSentences" in fields(), "the definition of Models stays the newer one"
