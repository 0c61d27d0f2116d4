"""What the operator tells Prometheus."""

import urllib.request
from datetime import timedelta
from typing import cast

import pytest

from veriaidpo_operator.__main__ import main
from veriaidpo_operator.cluster.live import Cluster
from veriaidpo_operator.running.metrics import Metrics
from veriaidpo_operator.running.reconcile import Reconciler

from .rollouts import go_on
from .test_reconcile import InMemory
from .world import DIGEST, World

DAMAGED = "veriaidpo_operator_damaged_at_seconds"


def damaged_at(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value(DAMAGED, {"model": "principles-vi"})


def test_nothing_is_said_of_a_model_that_was_never_damaged() -> None:
    world, metrics = World(), Metrics()
    world.settle()
    metrics.told("principles-vi", world.status)
    assert damaged_at(metrics) is None


def test_damage_is_told_though_the_revision_was_fetched_anew_before_anybody_asked() -> None:
    world, metrics = World(), Metrics()
    world.settle()
    world.now += timedelta(days=1)
    world.bad = {DIGEST: "damaged"}
    begun = world.now.timestamp()
    go_on(world)
    assert world.status.quarantined == ()
    metrics.told("principles-vi", world.status)
    assert damaged_at(metrics) == pytest.approx(begun, abs=30)


def test_a_later_failure_of_another_kind_does_not_hide_it() -> None:
    world, metrics = World(), Metrics()
    world.settle()
    world.bad = {DIGEST: "damaged"}
    go_on(world)
    metrics.told("principles-vi", world.status)
    was = damaged_at(metrics)
    metrics.told("principles-vi", world.status.model_copy(update={"last_failure": None}))
    assert damaged_at(metrics) == was


def test_a_look_is_timed_and_a_model_that_is_gone_is_forgotten() -> None:
    world, metrics = World(), Metrics()
    world.settle()
    world.bad = {DIGEST: "damaged"}
    go_on(world)
    cluster = InMemory(world)
    reconcile = Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, metrics)
    reconcile("principles-vi")
    assert damaged_at(metrics) is not None
    assert metrics.registry.get_sample_value("veriaidpo_operator_look_seconds_count") == 1
    reconcile("another")
    assert damaged_at(metrics) is not None
    world.body["metadata"]["name"] = "renamed"
    reconcile("principles-vi")
    assert damaged_at(metrics) is None


def conditions(metrics: Metrics) -> dict[str, tuple[str, str]]:
    """Give the status and reason of each condition that is told of."""
    told = [
        sample.labels
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "veriaidpo_operator_model_condition" and sample.value == 1
    ]
    assert {one["model"] for one in told} <= {"principles-vi"}
    assert len({one["type"] for one in told}) == len(told), "one series for each condition"
    return {one["type"]: (one["status"], one["reason"]) for one in told}


def test_conditions_are_told_as_they_are_now_and_no_more_of_a_model_that_is_gone() -> None:
    world, metrics = World(), Metrics()
    cluster = InMemory(world)
    reconcile = Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, metrics)
    reconcile("principles-vi")
    status, reason = conditions(metrics)["Ready"]
    assert status != "True"
    world.settle()
    reconcile("principles-vi")
    assert conditions(metrics) == {c.type: (c.status, c.reason) for c in world.status.conditions}
    assert conditions(metrics)["Ready"] == ("True", "Serving")
    assert reason != "Serving"
    world.body["metadata"]["name"] = "renamed"
    reconcile("principles-vi")
    assert conditions(metrics) == {}


def test_a_model_that_is_not_understood_is_told_of_too() -> None:
    world, metrics = World(), Metrics()
    world.body["spec"]["labels"] = "none"
    cluster = InMemory(world)
    Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, metrics)("principles-vi")
    assert conditions(metrics)["Ready"] == ("False", "InvalidSpec")


def test_they_are_answered_on_a_port(unused_tcp_port: int) -> None:
    metrics = Metrics()
    metrics.serve(unused_tcp_port)
    metrics.called("GET")
    with urllib.request.urlopen(f"http://127.0.0.1:{unused_tcp_port}/metrics") as answer:
        told = answer.read().decode()
    assert 'veriaidpo_operator_api_calls_total{method="GET"} 1.0' in told


def test_a_port_that_is_taken_is_named(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Metrics().serve(unused_tcp_port)
    for name, value in {
        "NAMESPACE": "ns",
        "PREDICTOR_IMAGE": "p",
        "FETCH_IMAGE": "f",
        "METRICS_PORT": str(unused_tcp_port),
    }.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 2
    assert f"METRICS_PORT={unused_tcp_port}" in capsys.readouterr().err
