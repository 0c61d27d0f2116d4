"""Which fetch Jobs of other Models a download waits for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.decisions.turns import holds_a_place
from veriaidpo_operator.objects import reading
from veriaidpo_operator.objects.children import Pod

from .world import SETTINGS, START, World

NO_SECRET = 'MountVolume.SetUp failed for volume "token" : secret "hub" not found'
NO_CLASS = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."


@pytest.fixture
def world() -> World:
    """A Model whose fetch Job was made, and has no pod."""
    world = World()
    while not world.all("Job"):
        world.reconcile()
        world.bind()
    return world


def holds(world: World, pods: tuple[Pod, ...], seconds: float, refused: str = "") -> bool:
    job = replace(reading.job(world.all("Job")[0]), waiting_for_pods=refused)
    return holds_a_place(job, pods, SETTINGS, START + timedelta(seconds=seconds))


def pending(world: World, *, waiting: str = "ContainerCreating", node: bool = True) -> Json:
    pod = world.start(world.all("Job")[0])
    scheduled = {"type": "PodScheduled", "status": str(node), "message": "" if node else NO_CLASS}
    pod["status"] = {"phase": "Pending", "conditions": [scheduled]}
    if node:
        pod["status"]["containerStatuses"] = [{"state": {"waiting": {"reason": waiting}}}]
    return pod


def test_a_job_whose_pod_runs_holds_a_place_however_long_it_takes(world: World) -> None:
    pod = reading.pod(world.start(world.all("Job")[0]))
    assert holds(world, (pod,), 3000)


def test_a_job_that_has_just_been_made_holds_a_place(world: World) -> None:
    assert holds(world, (), 1)
    assert holds(world, (reading.pod(pending(world)),), 1)


def test_an_image_that_still_comes_is_waited_for(world: World) -> None:
    assert holds(world, (reading.pod(pending(world)),), 300)


def test_a_pod_that_misses_its_secret_is_not_waited_for(world: World) -> None:
    assert not holds(world, (replace(reading.pod(pending(world)), unmounted=NO_SECRET),), 60)


def test_a_pod_whose_claim_has_no_class_is_not_waited_for(world: World) -> None:
    assert not holds(world, (reading.pod(pending(world, node=False)),), 60)


@pytest.mark.parametrize("waiting", ["ImagePullBackOff", "CreateContainerConfigError"])
def test_a_container_that_cannot_be_made_is_not_waited_for(world: World, waiting: str) -> None:
    assert not holds(world, (reading.pod(pending(world, waiting=waiting)),), 60)


def test_a_pod_that_may_not_be_made_is_not_waited_for(world: World) -> None:
    assert not holds(world, (), 60, refused="exceeded quota: none, requested: pods=1")


def test_a_job_between_two_attempts_keeps_its_place(world: World) -> None:
    failed = world.start(world.all("Job")[0])
    world._end_pod(failed, "", 13)
    assert holds(world, (reading.pod(failed),), 60)


def test_a_pod_of_another_job_says_nothing_of_this_one(world: World) -> None:
    pod = pending(world, node=False)
    pod["metadata"]["ownerReferences"] = [{"kind": "Job", "uid": "another"}]
    assert holds(world, (reading.pod(pod),), 60)


def test_a_job_that_has_ended_holds_no_place(world: World) -> None:
    world.finish(world.all("Job")[0], {"reason": "Published", "digest": world.digest})
    assert not holds(world, (), 1)
