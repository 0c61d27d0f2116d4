"""A real Prometheus goes by what the chart says: every pod, every query, an alert that comes and goes."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .cluster import CATALOGUE, classify, eventually, get, ingress, kubectl
from .conftest import Installation
from .traffic import Traffic
from .watching import Prometheus, prometheus, rendered

pytestmark = pytest.mark.slow

COMPONENTS = ("gateway", "predictor", "operator")
VICTIM = "consent-vi"
DRIFT_FROM = 200
"""Answers of a revision from which its drift is a number."""


@pytest.fixture(scope="module")
def watching(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder) as one:
        yield one


def pods(selector: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in get("pods", "--selector", selector)["items"]}


def test_every_gateway_every_predictor_and_the_operator_is_scraped(watching: Prometheus) -> None:
    def all_up() -> bool:
        # Looked for each time: pods may just have been made anew.
        there = {part: pods(f"app.kubernetes.io/component={part}") for part in COMPONENTS}
        assert all(there.values()), there
        up = {one["metric"]["pod"] for one in watching.ask("up == 1")}
        missing, gone = set().union(*there.values()) - up, up - set().union(*there.values())
        assert (missing, gone) == (set(), set())
        return True

    eventually(all_up, "all pods are scraped, and none that is gone", 60)
    assert len(pods("app.kubernetes.io/component=operator")) == 1


def test_every_query_of_every_panel_shows_something_under_load(
    watching: Prometheus, traffic: Traffic
) -> None:
    (dashboard,) = (i for i in rendered("ConfigMap") if i["metadata"]["name"].endswith("-dashboard"))
    panels = [p for p in json.loads(dashboard["data"]["veriaidpo.json"])["panels"] if p["type"] != "row"]
    empty = {(panel["title"], one["expr"]) for panel in panels for one in panel["targets"]}
    asked_often(VICTIM, DRIFT_FROM, traffic.tokens)
    with traffic:
        for _ in range(60):
            ingress("/api/v1/veriaidpo/classify", json={})  # an error: 401
            empty = {one for one in empty if not shown(watching, one[1])}
            if not empty:
                break
            time.sleep(1)
    assert sorted(empty) == []


def asked_often(model: str, times: int, tokens: list[str]) -> None:
    """Have a model answer so many texts that are not cached, asked by several users within their limits."""
    entry = CATALOGUE[model]
    sentences = [one["text"] for one in entry["goldenSentences"]]

    def ask(number: int) -> int:
        text = f"{sentences[number % len(sentences)]} (lần {number})"
        token = tokens[number % len(tokens)]
        return classify(text, entry["modelType"], entry["language"], token).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(ask, range(times))) == {200}


def shown(watching: Prometheus, query: str) -> bool:
    query = query.replace("$__rate_interval", "30s")
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
