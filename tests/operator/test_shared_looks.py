"""One look at the predictor of all Models on a claim: they come, go, move, or are not understood."""

from datetime import datetime, timedelta
from typing import cast

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.cluster.live import Cluster
from veriaidpo_operator.decisions.actions import Action
from veriaidpo_operator.decisions.group import Seen
from veriaidpo_operator.objects import places
from veriaidpo_operator.running.metrics import Metrics
from veriaidpo_operator.running.reconcile import Reconciler

from .shared_world import CLAIM, SHARED, SharedWorld

NAMES = ("principles-vi", "consent-vi", "retention-vi")
KEY = places.key(CLAIM)


class InMemory:
    """A Cluster around a world of Models that share; of its predictors, and of nothing else."""

    def __init__(self, world: SharedWorld) -> None:
        self.world = world
        self.predictors = self
        self.done: list[str] = []

    def group(self, claim: str, now: datetime) -> Seen:
        return self.world.seen()

    def models(self) -> list[Json]:
        return list(self.world.bodies.values())

    def act(self, action: Action) -> None:
        self.done.append(str(action))
        self.world.act(action)


@pytest.fixture
def world() -> SharedWorld:
    world = SharedWorld(*NAMES)
    world.everybody()
    return world


@pytest.fixture
def cluster(world: SharedWorld) -> InMemory:
    return InMemory(world)


@pytest.fixture
def reconcile(world: SharedWorld, cluster: InMemory) -> Reconciler:
    return Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, Metrics())


def not_understood(world: SharedWorld, *names: str) -> None:
    for name in names:
        world.on(name).change({"serving": {"placement": "apart"}})


@pytest.mark.parametrize("unread", [NAMES[:1], NAMES], ids=["one of them", "all of them"])
def test_what_serves_a_model_that_is_not_understood_is_left_alone(
    world: SharedWorld, cluster: InMemory, reconcile: Reconciler, unread: tuple[str, ...]
) -> None:
    not_understood(world, *unread)
    for _ in range(3):
        assert reconcile(KEY) == world.settings.resync_seconds
        world.now += timedelta(seconds=20)
    assert cluster.done == []
    assert world.listed == world.digests


def test_it_keeps_its_replicas(world: SharedWorld, cluster: InMemory, reconcile: Reconciler) -> None:
    world.on("principles-vi").change({"serving": {"minReplicas": 2, "maxReplicas": 3}})
    reconcile(KEY)
    world.kubernetes()
    cluster.done.clear()
    not_understood(world, "principles-vi")
    reconcile(KEY)
    assert cluster.done == []


def test_its_neighbours_come_and_go_meanwhile(world: SharedWorld, reconcile: Reconciler) -> None:
    not_understood(world, "principles-vi")
    world.remove("consent-vi")
    reconcile(KEY)
    assert set(world.listed) == {"principles-vi", "retention-vi"}


def test_a_list_that_is_somebody_elses_is_looked_at_no_more_often_than_anything_else(
    world: SharedWorld, cluster: InMemory, reconcile: Reconciler
) -> None:
    world.objects["ConfigMap", SHARED]["metadata"]["labels"] = {}
    world.objects["ConfigMap", SHARED]["data"] = {"theirs": "no digest"}
    for pod in world.pods_of(SHARED):
        pod.raw["metadata"]["annotations"] = {}
    assert reconcile(KEY) == world.settings.resync_seconds
    assert cluster.done == []


def test_it_is_looked_at_again_soon_until_its_pods_know_the_list(
    world: SharedWorld, cluster: InMemory, reconcile: Reconciler
) -> None:
    world.remove("consent-vi")
    for _ in range(2):
        assert reconcile(KEY) == 2
    assert not any("patch Pod" in action for action in cluster.done)
    world.now += timedelta(seconds=2)
    reconcile(KEY)
    assert "patch Pod" in cluster.done[-1]
    assert reconcile(KEY) == world.settings.resync_seconds


def test_one_that_is_not_understood_and_was_never_served_here_is_not_listed(
    world: SharedWorld, reconcile: Reconciler
) -> None:
    world.remove("principles-vi")
    world.add("principles-vi")
    not_understood(world, "principles-vi")
    reconcile(KEY)
    assert set(world.listed) == {"consent-vi", "retention-vi"}
    shared = world.get("InferenceService", SHARED)
    assert shared is not None
    assert {owner["name"] for owner in shared["metadata"]["ownerReferences"]} == set(world.listed)
