"""What cannot be seen of a revision is not held against it: its node is lost, or the API server was away."""

from datetime import timedelta

import pytest

from .rollouts import go_on, served, with_a_bad_second
from .world import DIGEST, OTHER_DIGEST, World


def kept(world: World) -> bool:
    return served(world) == OTHER_DIGEST and not world.status.quarantined


@pytest.mark.parametrize("fault", ["lost", "untold"])
def test_pods_that_were_ready_when_they_were_last_heard_of_speak_for_their_revision(fault: str) -> None:
    """Nobody looked for as long as the rollout may take, and now no pod counts as ready: for a moment."""
    world = with_a_bad_second(fault)
    go_on(world, 6)
    world.now += timedelta(minutes=5)
    go_on(world, 3, 5)
    assert kept(world)
    assert world.condition("Ready") == ("False", "RolloutStalled")
    world.bad = {}
    world.kubernetes()  # its node tells
    go_on(world)
    assert world.condition("Ready") == ("True", "Serving")


def test_a_pod_that_ended_before_and_was_well_again_when_its_node_went_did_not_crash() -> None:
    world = with_a_bad_second("lost")
    go_on(world, 6)
    for pod in world.all("Pod"):
        if pod["status"].get("conditions") != [{"type": "ContainersReady", "status": "True"}]:
            continue
        last = {"terminated": {"exitCode": 255, "reason": "Unknown"}}
        pod["status"]["containerStatuses"] = [
            {"state": {"running": {}}, "lastState": last, "restartCount": 2}
        ]
    world.reconcile()
    assert kept(world)


def test_a_node_that_is_off_is_given_the_time_in_which_kubernetes_clears_it() -> None:
    world = with_a_bad_second("unheard", deadline=60)
    go_on(world, 40, 10)
    assert kept(world)
    assert world.condition("Ready") == ("False", "RolloutStalled")
    go_on(world, 20, 10)  # its pod is still there: it is not the node
    assert served(world) == DIGEST


def test_a_pod_that_takes_the_place_of_one_that_went_has_as_long_as_the_rollout() -> None:
    world = with_a_bad_second("mute", deadline=60)
    go_on(world, 10, 5)
    for pod in world.all("Pod"):
        if pod["status"].get("conditions") == []:
            del world.objects["Pod", pod["metadata"]["name"]]
    go_on(world, 10, 5)
    assert kept(world)
    go_on(world, 10, 5)
    assert served(world) == DIGEST
