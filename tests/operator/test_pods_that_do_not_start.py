"""A fetch pod that cannot start says why: its image, its memory, its node, its volume."""

from dataclasses import replace
from datetime import timedelta

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.decisions.plan import plan

from .world import World, fetching


def waiting(world: World, pod: Json, reason: str, text: str = "it says why") -> None:
    state = {"waiting": {"reason": reason, "message": text}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"state": state}]}
    world.reconcile()


def test_an_image_that_is_not_there() -> None:
    world = fetching()
    pod = world.start(world.all("Job")[0])
    waiting(world, pod, "ImagePullBackOff")
    assert world.condition("Ready") == ("False", "ImageUnavailable")
    assert "fetch:1" in world.message()


def test_memory_that_was_not_enough() -> None:
    world = fetching()
    job = world.all("Job")[0]
    pod = world.start(job)
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": world._stamp()}
    pod["status"] = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
    world.reconcile()
    assert world.condition("Ready") == ("False", "OOMKilled")
    assert "spec.download.resources.limits.memory" in world.message()


def unscheduled(world: World, pod: Json, text: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text}
    pod["status"] = {"phase": "Pending", "conditions": [condition]}


def test_a_pod_may_wait_a_moment_for_its_node_before_anything_is_said() -> None:
    world = fetching()
    unscheduled(world, world.start(world.all("Job")[0]), "0/1 nodes are available")
    world.reconcile()
    assert world.condition("Ready") == ("False", "FetchStarting")
    world.now += timedelta(seconds=9)
    world.reconcile()
    assert world.condition("Ready") == ("False", "Unschedulable")


def test_a_claim_without_a_volume_is_why_no_node_is_found() -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    unscheduled(world, world.start(world.all("Job")[0]), "pod has unbound immediate PersistentVolumeClaims")
    world.now += timedelta(seconds=9)
    world.reconcile()
    assert world.condition("Ready") == ("False", "VolumePending")
    assert "unbound immediate" in world.message()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('storageclass.storage.k8s.io "fast" not found', "StorageClassMissing"),
        ("no persistent volumes available for this claim and no storage class is set", "StorageClassMissing"),
        ("failed to provision volume: quota", "VolumePending"),
    ],
)
def test_what_is_said_about_a_claim_that_waits(text: str, reason: str) -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    world.now += timedelta(seconds=9)
    seen = replace(world.observe(), claim_warnings=(text,))
    ready = plan(world.model, seen, world.settings, world.now).status.condition("Ready")
    assert ready is not None
    assert ready.reason == reason
    assert text.rstrip(".") in ready.message


def test_a_claim_that_waits_for_its_first_pod_is_normal() -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    world.now += timedelta(seconds=60)
    world.reconcile()
    assert world.condition("Ready") == ("False", "FetchStarting")
