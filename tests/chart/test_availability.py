"""How many there are, where they run, and how many a drain may take."""

from typing import Any

import pytest

from .conftest import kinds, render


def gateway(*settings: str) -> dict[str, Any]:
    (found,) = (
        i
        for i in render(*settings)
        if i["kind"] == "Deployment" and i["metadata"]["name"] == "veriaidpo-gateway"
    )
    return found["spec"]


def variables(*settings: str) -> dict[str, str]:
    (container,) = gateway(*settings)["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_gateways_are_as_many_as_their_cpu_wants() -> None:
    assert kinds(render(), "HorizontalPodAutoscaler") == []
    given = (
        "gateway.autoscaling.enabled=true",
        "gateway.autoscaling.maxReplicas=9",
        "gateway.autoscaling.cpuPercent=60",
    )
    (scaler,) = kinds(render(*given), "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "veriaidpo-gateway",
    }
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 9)
    (metric,) = scaler["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    # An upgrade would take back what it decided.
    assert "replicas" not in gateway(*given)


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (["gateway.replicas=3"], "4"),
        (["gateway.autoscaling.enabled=true", "gateway.autoscaling.maxReplicas=9"], "10"),
    ],
)
def test_each_gateway_knows_how_many_may_share_a_limit(settings: list[str], most: str) -> None:
    assert variables(*settings)["MAX_REPLICAS"] == most


def test_there_may_be_no_gateway_while_something_is_done_to_the_database() -> None:
    assert gateway("gateway.replicas=0")["replicas"] == 0


def test_a_drain_takes_gateways_one_after_the_other() -> None:
    (budget,) = kinds(render(), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    wanted = budget["spec"]["selector"]["matchLabels"].items()
    assert wanted <= gateway()["template"]["metadata"]["labels"].items()
    (share,) = kinds(render("gateway.podDisruptionBudget.maxUnavailable=25%"), "PodDisruptionBudget")
    assert share["spec"]["maxUnavailable"] == "25%"


@pytest.mark.parametrize(
    "settings",
    [
        ["gateway.replicas=1"],
        ["gateway.podDisruptionBudget.enabled=false"],
        ["gateway.autoscaling.enabled=true", "gateway.autoscaling.minReplicas=1"],
    ],
)
def test_a_gateway_that_is_alone_holds_up_no_drain(settings: list[str]) -> None:
    assert kinds(render(*settings), "PodDisruptionBudget") == []


@pytest.mark.parametrize("placement", ["own", "shared"])
def test_predictors_of_a_model_are_taken_one_after_the_other(placement: str) -> None:
    two = (
        f"models.serving.placement={placement}",
        "models.serving.minReplicas=2",
        "models.serving.maxReplicas=2",
    )
    budgets = {b["metadata"]["name"]: b["spec"] for b in kinds(render(*two), "PodDisruptionBudget")}
    del budgets["veriaidpo-gateway"]
    for budget in budgets.values():
        assert budget["selector"]["matchLabels"]["app.kubernetes.io/component"] == "predictor"
    chosen = [budget["selector"]["matchExpressions"] for budget in budgets.values()]
    if placement == "shared":
        assert chosen == [[{"key": "veriaidpo.verisyntra.vn/shared", "operator": "Exists"}]]
    else:
        models = {model["metadata"]["name"] for model in kinds(render(*two), "Model")}
        assert {one["values"][0] for (one,) in chosen} == models
    assert len(kinds(render(*two, "models.serving.podDisruptionBudgets=false"), "PodDisruptionBudget")) == 1


def test_gateways_are_spread_over_nodes_and_zones() -> None:
    spread = {
        one["topologyKey"]: one["whenUnsatisfiable"]
        for one in gateway("gateway.spread.nodes=DoNotSchedule")["template"]["spec"][
            "topologySpreadConstraints"
        ]
    }
    assert spread == {
        "kubernetes.io/hostname": "DoNotSchedule",
        "topology.kubernetes.io/zone": "ScheduleAnyway",
    }


def test_models_say_between_which_numbers_kserve_scales_them() -> None:
    models = kinds(render("models.serving.minReplicas=2", "models.serving.maxReplicas=5"), "Model")
    assert {(m["spec"]["serving"]["minReplicas"], m["spec"]["serving"]["maxReplicas"]) for m in models} == {
        (2, 5)
    }
