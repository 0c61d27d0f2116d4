"""A real Prometheus goes by what the chart says: every pod, every panel, an alert that comes and goes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import eventually, get, ingress, kubectl
from .conftest import Installation
from .traffic import Traffic
from .watching import Prometheus, prometheus, rendered

pytestmark = pytest.mark.slow

VICTIM = "consent-vi"
EMPTY = {"Drift from the calibration sentences"}
"""Not a number until a model has answered 200 times, which this load alone does not ask of any."""


@pytest.fixture(scope="module")
def watching(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder) as one:
        yield one


def pods(selector: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in get("pods", "--selector", selector)["items"]}


def test_every_gateway_every_predictor_and_the_operator_is_scraped(watching: Prometheus) -> None:
    gateways = pods("app.kubernetes.io/component=gateway")
    predictors = pods("app.kubernetes.io/component=predictor")
    operator = pods("app.kubernetes.io/component=operator")
    assert gateways
    assert predictors
    assert len(operator) == 1

    def up() -> set[str]:
        return {one["metric"]["pod"] for one in watching.ask("up == 1")}

    eventually(lambda: up() == gateways | predictors | operator, "all pods are scraped", 60)


def test_every_panel_shows_something_under_load(watching: Prometheus, traffic: Traffic) -> None:
    (dashboard,) = (i for i in rendered("ConfigMap") if i["metadata"]["name"].endswith("-dashboard"))
    panels = [p for p in json.loads(dashboard["data"]["veriaidpo.json"])["panels"] if p["type"] != "row"]
    with traffic:
        traffic.more(200)
        ingress("/api/v1/veriaidpo/classify", json={})  # an error: 401
        time.sleep(3)
        full = {panel["title"] for panel in panels if any(shown(watching, one) for one in panel["targets"])}
    assert {panel["title"] for panel in panels} - full <= EMPTY


def shown(watching: Prometheus, target: dict[str, str]) -> bool:
    query = target["expr"].replace("$__rate_interval", "30s")
    query = query.replace("$gateway", "veriaidpo/veriaidpo-gateway")
    query = query.replace("$predictors", "veriaidpo/veriaidpo-predictors")
    query = query.replace("$operator", "veriaidpo/veriaidpo-operator")
    return any(one["value"][1] != "NaN" for one in watching.ask(query))


def test_the_alert_for_a_killed_model_fires_and_clears(watching: Prometheus) -> None:
    eventually(lambda: "VeriAIDPOModelAway" not in watching.firing(), "nothing fires at first", 60)
    model = f"veriaidpo.verisyntra.vn/model={VICTIM},app.kubernetes.io/component=predictor"

    def killed() -> bool:
        # Again before the next one can be ready, which takes it some three seconds.
        kubectl("delete", "pods", "--selector", model, "--force", "--grace-period=0")
        time.sleep(1)
        return "VeriAIDPOModelAway" in watching.firing()

    eventually(killed, "the alert fires", 120)
    eventually(lambda: "VeriAIDPOModelAway" not in watching.firing(), "the alert clears", 120)
