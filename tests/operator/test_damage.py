"""Bytes on a volume change: the revision is fetched anew, and the one before answers meanwhile."""

from datetime import timedelta

import pytest

from .rollouts import after_two_good_ones, go_on, pinned_to, served
from .world import DAMAGE, DIGEST, OTHER_DIGEST, World


def fetches(world: World) -> set[str]:
    return {job["metadata"]["uid"] for job in world.all("Job")}


def test_the_only_revision_is_fetched_anew() -> None:
    world = World()
    world.settle()
    world.now += timedelta(days=1)
    before = fetches(world)
    world.bad = {DIGEST: "damaged"}
    go_on(world, 3)
    assert world.condition("Verified") == ("False", "RevisionDamaged")
    assert world.condition("Ready") == ("False", "RevisionDamaged")
    assert world.condition("Servable")[0] == "False"
    assert [(q.digest, q.reason) for q in world.status.quarantined] == [(DIGEST, "RevisionDamaged")]
    assert DAMAGE in world.status.quarantined[0].message
    go_on(world)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Verified") == ("True", "Verified")
    assert world.status.quarantined == ()
    assert not before & fetches(world)


def test_pods_that_saw_the_damage_are_replaced_at_once_and_not_when_their_back_off_ends() -> None:
    world = World()
    world.settle()
    world.bad = {DIGEST: "damaged"}
    go_on(world, 14)
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    env = service["spec"]["predictor"]["containers"][0]["env"]
    assert {"name": "REVISION_REPAIRS", "value": "1"} in env


def test_meanwhile_the_previous_revision_answers() -> None:
    world = after_two_good_ones()
    world.bad = {OTHER_DIGEST: "damaged"}
    seen = set()
    for _ in range(20):
        world.reconcile()
        seen.add((served(world), world.condition("Servable")[0]))
        if not (world.all("Job") and "status" not in world.all("Job")[0] and len(seen) < 3):
            world.kubernetes()
        else:
            world._collect()
            world.kserve()
            world.roll()
        world.now += timedelta(seconds=1)
    assert (DIGEST, "True") in seen
    go_on(world)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Serving")


def test_a_dead_hub_leaves_the_previous_revision_answering() -> None:
    world = after_two_good_ones()
    world.bad = {OTHER_DIGEST: "damaged"}
    for _ in range(12):
        world.reconcile()
        world._collect()
        for job in world.all("Job"):
            if "status" not in job:
                world.finish(job, {"reason": "SourceUnreachable", "message": "away"}, 13)
        world.kserve()
        world.roll()
        world.now += timedelta(seconds=1)
    assert served(world) == DIGEST
    assert world.condition("Servable") == ("True", "Serving")
    assert world.condition("Verified") == ("False", "RevisionDamaged")
    assert world.condition("Ready") == ("False", "RevisionDamaged")
    assert world.condition("Downloaded") == ("False", "SourceUnreachable")


def test_a_disk_that_damages_everything_is_not_filled_again_and_again() -> None:
    world = World()
    world.settle()
    made = set()
    for _ in range(360):  # an hour
        world.bad = {DIGEST: "damaged"}
        world.reconcile()
        world.kubernetes()
        made |= fetches(world)
        world.now += timedelta(seconds=10)
    assert 3 <= len(made) <= 6


def test_a_damaged_pin_gives_way_to_a_good_revision_and_nothing_is_fetched_for_it() -> None:
    world = after_two_good_ones()
    pinned_to(world, DIGEST)
    before = fetches(world)
    world.bad = {DIGEST: "damaged"}
    go_on(world)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("False", "RevisionDamaged")
    assert fetches(world) == before


@pytest.mark.parametrize("fault", ["damaged", "crash"])
def test_an_empty_volume_in_place_of_a_lost_one_is_no_fault_of_a_revision(fault: str) -> None:
    world = after_two_good_ones()
    del world.objects["PersistentVolumeClaim", "principles-vi-model"]
    world.bad = {OTHER_DIGEST: fault}
    for _ in range(4):
        world.reconcile()
        world.kserve()
        world.roll()
    assert world.status.quarantined == ()
    world.bad = {}
    go_on(world)
    assert world.condition("Ready") == ("True", "Serving")
    assert [r.digest for r in world.status.revisions] == [OTHER_DIGEST]
