"""A new revision that fares badly is rolled back by itself, is not tried again, and says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from .rollouts import after_two_good_ones, go_on, pinned_to, served, with_a_bad_second
from .world import DIGEST, GOLDEN, OTHER_DIGEST, World

THIRD = "ef" * 32
AGAIN = "veriaidpo.verisyntra.vn/fetch-again"


REASONS = {"golden": "GoldenSentenceFailed", "crash": "Crashing", "mute": "RolloutStalled"}


@pytest.mark.parametrize(("fault", "reason"), REASONS.items())
def test_a_bad_revision_is_rolled_back_and_quarantined(fault: str, reason: str) -> None:
    world = with_a_bad_second(fault)
    told = go_on(world, 20, 5)
    assert served(world) == DIGEST
    status = world.status
    assert (status.current_revision, status.target_revision) == (DIGEST, DIGEST)
    assert [(q.digest, q.reason) for q in status.quarantined] == [(OTHER_DIGEST, reason)]
    assert world.condition("Ready") == ("False", reason)
    assert world.condition("Degraded") == ("True", reason)
    assert world.condition("Servable") == ("True", "Serving")
    assert ("Warning", "RevisionQuarantined") in told
    assert ("Warning", "RolledBack") in told
    ready = status.condition("Ready")
    assert ready is not None
    assert f"Revision {OTHER_DIGEST[:12]} is not tried again" in ready.message
    assert f"revision {DIGEST[:12]} answers" in ready.message


def test_servable_all_the_while() -> None:
    world = with_a_bad_second("golden")
    for _ in range(20):
        world.reconcile()
        assert world.condition("Servable") == ("True", "Serving")
        world.kubernetes()
        world.now += timedelta(seconds=1)


def test_what_the_predictor_said_is_kept_with_the_quarantined_revision() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    assert GOLDEN in world.status.quarantined[0].message


def test_a_mute_revision_has_until_its_deadline() -> None:
    world = with_a_bad_second("mute", deadline=600)
    go_on(world, 20, 20)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("False", "RollingOut")
    go_on(world, 20, 20)
    assert served(world) == DIGEST


def test_a_revision_that_comes_up_late_but_in_time_is_kept() -> None:
    world = with_a_bad_second("mute")
    go_on(world, 8, 5)
    world.bad = {}
    go_on(world, 20, 20)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Serving")


def test_it_is_written_down_before_anything_is_done() -> None:
    world = with_a_bad_second("golden")
    while not world.status.quarantined:
        decided = world.reconcile()
        world.kubernetes()
    assert decided.actions == ()
    assert decided.again == 0


def test_a_quarantined_revision_is_not_tried_again_while_nothing_changes() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    world.bad = {}
    go_on(world, 20, 600)
    assert served(world) == DIGEST
    world.change({"serving": {"minReplicas": 2}, "threshold": 0.5})  # nothing that it could depend on
    go_on(world)
    assert served(world) == DIGEST
    assert world.decide().actions == ()


@pytest.mark.parametrize("mended", ["serving", "annotation", "predictor"])
def test_it_is_tried_again_when_what_it_depends_on_changes(mended: str) -> None:
    world = with_a_bad_second("crash")
    go_on(world)
    world.bad = {}
    if mended == "serving":
        world.change({"serving": {"resources": {"limits": {"memory": "4Gi"}}}})
    elif mended == "annotation":
        world.body["metadata"]["annotations"] = {AGAIN: "1"}
    else:
        world.settings = replace(world.settings, predictor_image="predictor:2")
    go_on(world, 20)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.quarantined == ()


def test_tried_again_and_still_bad_it_is_rolled_back_again() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    world.body["metadata"]["annotations"] = {AGAIN: "1"}
    go_on(world, 20)
    assert served(world) == DIGEST
    assert len(world.status.quarantined) == 1


def test_the_next_revision_goes_its_own_way() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    world.publish("v3", THIRD)
    go_on(world, 20)
    assert served(world) == THIRD
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.previous_revision == DIGEST  # never the bad one
    assert [q.digest for q in world.status.quarantined] == [OTHER_DIGEST]


def test_a_revision_that_crashes_soon_after_it_took_over_is_rolled_back_too() -> None:
    world = World()
    world.settle()
    world.publish("v2", OTHER_DIGEST)
    world.settle()
    assert world.status.current_revision == OTHER_DIGEST
    world.bad = {OTHER_DIGEST: "crash"}
    go_on(world)
    assert served(world) == DIGEST
    assert world.status.current_revision == DIGEST
    assert world.status.previous_revision is None  # there is no other good one
    assert world.condition("Servable") == ("True", "Serving")


def test_a_revision_that_has_long_been_good_is_not_rolled_back_for_a_crash() -> None:
    world = World()
    world.settle()
    world.publish("v2", OTHER_DIGEST)
    world.settle()
    world.now += timedelta(hours=1)
    world.bad = {OTHER_DIGEST: "crash"}
    go_on(world)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("False", "Crashing")


def test_too_little_memory_is_no_fault_of_the_revision_that_answered_with_more() -> None:
    world = World()
    world.settle()
    world.publish("v2", OTHER_DIGEST)
    world.settle()
    world.bad = {OTHER_DIGEST: "crash"}
    world.change({"serving": {"resources": {"limits": {"memory": "300Mi"}}}})
    go_on(world, 20, 600)
    assert served(world) == OTHER_DIGEST
    assert world.status.quarantined == ()


def test_a_full_cluster_is_no_fault_of_the_revision() -> None:
    world = with_a_bad_second("mute")
    for _ in range(30):
        world.reconcile()
        world.kubernetes()
        for pod in world.all("Pod"):
            if pod["status"].get("conditions") == []:
                full = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
                pod["status"] = {"phase": "Pending", "conditions": [full]}
        world.now += timedelta(seconds=20)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("False", "Unschedulable")
    assert world.status.quarantined == ()


def test_suspend_leaves_even_a_bad_rollout_as_it_is() -> None:
    world = with_a_bad_second("golden")
    for _ in range(6):
        world.reconcile()
        world._collect()
        for job in world.all("Job"):
            if "status" not in job:
                world.finish(job, {"reason": "Published", "digest": OTHER_DIGEST})
    world.change({"suspend": True})
    go_on(world)
    assert world.status.quarantined == ()


# By hand


@pytest.mark.parametrize("digits", [12, 20, 64])
def test_one_line_goes_back_without_a_fetch(digits: int) -> None:
    world = after_two_good_ones()
    jobs = world.all("Job")
    pinned_to(world, DIGEST[:digits])
    assert served(world) == DIGEST
    assert world.condition("Ready") == ("True", "Pinned")
    assert world.status.previous_revision == OTHER_DIGEST
    assert world.all("Job") == jobs


def test_without_the_pin_the_newest_is_served_again_without_a_fetch() -> None:
    world = after_two_good_ones()
    jobs = world.all("Job")
    pinned_to(world, DIGEST[:12])
    pinned_to(world, None)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Serving")
    assert world.all("Job") == jobs


def test_a_pin_stops_a_fetch_and_a_dead_hub_is_of_no_concern() -> None:
    world = after_two_good_ones()
    world.publish("v3", THIRD)
    for _ in range(4):
        world.reconcile()
        world._collect()
    world.fail("SourceUnreachable", 13)
    world.reconcile()
    pinned_to(world, DIGEST[:12])
    assert world.condition("Ready") == ("True", "Pinned")
    assert world.condition("Downloaded")[0] == "True"


def test_a_pin_that_names_nothing_changes_nothing_and_says_what_there_is() -> None:
    world = after_two_good_ones()
    pinned_to(world, "0" * 12)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("False", "RevisionUnknown")
    assert world.condition("Servable") == ("True", "Serving")
    ready = world.status.condition("Ready")
    assert ready is not None
    assert DIGEST[:12] in ready.message


def test_a_quarantined_revision_that_is_pinned_is_tried_once_more() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    world.bad = {}
    pinned_to(world, OTHER_DIGEST)
    assert served(world) == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Pinned")


def test_a_pin_on_a_bad_revision_is_rolled_back_as_well() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    pinned_to(world, OTHER_DIGEST)
    assert served(world) == DIGEST
    assert world.condition("Ready") == ("False", "GoldenSentenceFailed")
