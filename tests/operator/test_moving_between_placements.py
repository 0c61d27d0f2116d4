"""Models that move between a predictor of their own and a shared one: somebody answers all the while."""

from datetime import timedelta

import pytest

from veriaidpo_operator.objects import places

from .shared_world import BESIDE_OTHERS, ON_THE_CLAIM, SHARED, SharedWorld
from .world import merged


@pytest.mark.parametrize("way", [("own", "shared"), ("shared", "own")])
def test_a_model_that_moves_answers_all_the_while(way: tuple[str, str]) -> None:
    world = SharedWorld("principles-vi")
    world.add("consent-vi", merged(ON_THE_CLAIM, {"serving": {"placement": way[0]}}))
    world.everybody()
    world.move("consent-vi", way[1])
    seen = set()
    for _ in range(60):
        for name in world.bodies:
            world.look(name)
            assert world.answers("consent-vi"), "what status says does answer"
        world.look_at_group()
        assert world.answers("consent-vi")
        world.kubernetes()
        at = world.model_of("consent-vi").status.inference_service
        seen.add(at.name if at else "")
        assert world.on("consent-vi").condition("Servable") == ("True", "Serving")
        world.now += timedelta(seconds=1)
    assert seen == {SHARED, "consent-vi"}
    assert world.ready("consent-vi") == ("True", "Serving")
    own = world.get("InferenceService", "consent-vi")
    assert (own is None) == (way[1] == "shared")
    assert ("consent-vi" in world.listed) == (way[1] == "shared")


def test_when_the_last_one_has_moved_away_nothing_is_left_of_the_shared_predictor() -> None:
    world = SharedWorld("principles-vi")
    world.everybody()
    world.move("principles-vi", "own")
    world.everybody()
    assert world.get("InferenceService", SHARED) is None
    assert world.get("ConfigMap", SHARED) is None
    assert world.answers("principles-vi")


def test_from_a_claim_of_its_own_a_model_is_served_alone_until_the_common_one_has_its_bytes() -> None:
    world = SharedWorld()
    world.add("consent-vi", {"storage": {"create": {"size": "1Gi"}}})
    world.everybody()
    world.on("consent-vi").change(merged(BESIDE_OTHERS, {"storage": {"create": None}}))
    for _ in range(40):
        world.look("consent-vi")
        world.look_at_group()
        assert world.answers("consent-vi")
        world.kubernetes()
        world.now += timedelta(seconds=1)
    assert world.ready("consent-vi") == ("True", "Serving")
    assert [s["metadata"]["name"] for s in world.all("InferenceService")] == [SHARED]


@pytest.mark.parametrize("way", [("own", "shared"), ("shared", "own")])
def test_the_former_place_stays_while_the_new_one_has_never_answered(way: tuple[str, str]) -> None:
    """Also when the former one did not answer for a moment, so that status names the new one already."""
    world = SharedWorld("principles-vi")
    world.add("consent-vi", merged(ON_THE_CLAIM, {"serving": {"placement": way[0]}}))
    world.everybody()
    world.bad[world.digests["consent-vi"]] = "golden"
    world.move("consent-vi", way[1])
    for _ in range(60):
        for name in world.bodies:
            world.look(name)
        world.look_at_group()
        world.kubernetes()
        for hosted in world.hosts.values():
            hosted.pop("consent-vi", None)
        world.now += timedelta(seconds=1)
    at = world.model_of("consent-vi").status.inference_service
    assert at is not None
    assert at.name == places.place(world.model_of("consent-vi"))
    assert world.ready("consent-vi")[0] == "False"
    if way[0] == "own":
        assert world.get("InferenceService", "consent-vi")
    else:
        assert "consent-vi" in world.listed
    world.bad.clear()
    world.everybody(60)
    assert world.ready("consent-vi") == ("True", "Serving")
    assert ("consent-vi" in world.listed) == (way[1] == "shared")
    assert (world.get("InferenceService", "consent-vi") is None) == (way[1] == "shared")
