"""A revision that was fetched before stands in while the source is away, which is asked until it answers."""

from datetime import timedelta
from itertools import pairwise

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.decisions.plan import plan
from veriaidpo_operator.decisions.transitions import events
from veriaidpo_operator.objects.fetch_words import Progress

from .world import DIGEST, OTHER_DIGEST, World, fetching

AWAY = "http://hub.invalid does not answer."
CALM = {
    "Downloaded": ("True", "SourceAway"),
    "Verified": ("True", "Verified"),
    "Servable": ("True", "Serving"),
    "Ready": ("True", "Serving"),
    "Degraded": ("True", "SourceAway"),
}


def adopted() -> World:
    """Return a world in which a revision serves that was fetched before, as the source is away."""
    world = World()
    world.away = AWAY
    world.settle()
    return world


def conditions(world: World) -> dict[str, tuple[str, str]]:
    return {kind: world.condition(kind) for kind in CALM}


def until_asked(world: World) -> Json:
    """Let time pass until a Job asks the source again; return the Job."""
    for _ in range(700):
        world.reconcile()
        world._collect()
        for job in world.all("Job"):
            if "status" not in job:
                return job
        world.now += timedelta(seconds=1)
    raise AssertionError("nobody asks the source again")


def test_what_was_fetched_before_serves_and_the_status_says_that_it_stands_in() -> None:
    world = adopted()
    assert conditions(world) == CALM
    assert AWAY in world.message("Downloaded")
    assert DIGEST[:12] in world.message("Downloaded")
    away = world.status.source_away
    assert away is not None
    assert (away.attempt, away.message) == (1, AWAY)
    assert away.retry_at - away.time == timedelta(seconds=15)


def test_the_source_is_asked_again_with_growing_pauses_and_nobody_notices() -> None:
    world = adopted()
    service = world.get("InferenceService", "principles-vi")
    asked, told, busiest = [], [], 0
    for minute in range(60):
        before = world.writes
        for _ in range(12):
            was = world.status
            world.reconcile()
            told += [e.reason for e in events(was, world.status, world.settings.sentences)]
            asked += [world.now for job in world.all("Job") if "status" not in job]
            world.kubernetes()
            assert conditions(world) == CALM
            world.now += timedelta(seconds=5)
        busiest = max(busiest, world.writes - before) if minute > 2 else 0
    pauses = [(b - a).total_seconds() for a, b in pairwise(asked)]
    for pause, expected in zip(pauses[:7], [30, 60, 120, 240, 480, 600, 600], strict=True):
        assert expected <= pause <= expected + 20
    assert (busiest, told) == (1, [])
    assert world.get("InferenceService", "principles-vi") == service


def test_one_event_tells_of_a_source_that_is_away() -> None:
    world, told = World(), []
    world.away = AWAY
    for _ in range(120):
        before = world.status
        world.reconcile()
        world.kubernetes()
        told += [(e.type, e.reason) for e in events(before, world.status, world.settings.sentences)]
        world.now += timedelta(seconds=1)
    assert told.count(("Warning", "SourceAway")) == 1
    assert ("Normal", "Serving") in told


def test_what_the_source_has_is_fetched_and_rolled_out_when_it_answers() -> None:
    world = adopted()
    world.away, world.digest = "", OTHER_DIGEST
    until_asked(world)
    world.settle()
    assert world.status.current_revision == OTHER_DIGEST
    assert world.status.source_away is None
    assert world.condition("Downloaded") == ("True", "Fetched")
    assert world.condition("Degraded") == ("False", "AsExpected")
    assert world.decide().actions == ()


def test_nothing_rolls_when_it_still_has_what_stands_in() -> None:
    world = adopted()
    service, jobs = world.get("InferenceService", "principles-vi"), len(world.all("Job"))
    world.away = ""
    until_asked(world)
    world.settle()
    assert world.condition("Downloaded") == ("True", "Fetched")
    assert world.get("InferenceService", "principles-vi") == service
    world.now += timedelta(days=1)
    assert world.decide().actions == ()
    assert len(world.all("Job")) == jobs


def test_a_download_that_has_begun_is_one_like_any_other() -> None:
    world = adopted()
    world.start(until_asked(world))
    world.progress = Progress(state="Resolving")
    world.reconcile()
    assert conditions(world) == CALM
    world.progress = Progress(state="Downloading", bytes_total=1000, bytes_done=10)
    world.reconcile()
    assert world.condition("Ready") == ("False", "Downloading")
    assert world.condition("Servable") == ("True", "Serving")
    world.progress = None  # its pod does not answer for a moment
    world.reconcile()
    assert world.condition("Ready")[0] == "False"


def test_a_source_that_answers_with_a_refusal_is_a_failure_like_any_other() -> None:
    world = adopted()
    until_asked(world)
    world.fail("SourceUnauthorized", 11)
    seen = set()
    for _ in range(60):
        world.reconcile()
        world._collect()
        seen.add((world.condition("Downloaded"), world.condition("Ready"), world.condition("Servable")))
        world.now += timedelta(seconds=1)
    refused = ("False", "SourceUnauthorized")
    assert seen == {(refused, refused, ("True", "Serving"))}
    world.settle()
    assert conditions(world) == CALM  # away once more
    world.away = ""
    until_asked(world)
    world.settle()
    assert world.condition("Downloaded") == ("True", "Fetched")


def test_a_failure_from_before_is_not_told_again() -> None:
    world = fetching()
    world.fail("OutOfSpace", 17)
    world.reconcile()
    world.now += timedelta(seconds=20)
    world.away = AWAY
    world.settle()
    assert conditions(world) == CALM
    until_asked(world)
    world.reconcile()
    assert conditions(world) == CALM


@pytest.mark.parametrize("lost", [False, True])
def test_a_crash_between_any_two_actions_asks_no_more_and_no_less(lost: bool) -> None:
    world = adopted()
    for _ in range(40):
        world.reconcile(crash_after=0)
        world.reconcile(crash_after=1)
        world.reconcile(lost=lost)
        world.kubernetes()
        world.now += timedelta(seconds=1)
    assert world.most_live_jobs == 1
    world.away, world.digest = "", OTHER_DIGEST
    for _ in range(60):
        world.reconcile(crash_after=0)
        world.reconcile()
        world.kubernetes()
        world.now += timedelta(seconds=5)
    assert world.status.current_revision == OTHER_DIGEST
    assert world.condition("Ready") == ("True", "Serving")


def test_a_source_that_asked_to_be_left_alone_is() -> None:
    world = fetching()
    said = {"reason": "Adopted", "digest": DIGEST, "sourceAway": "Not now.", "retryAfter": 1800}
    world.finish(world.all("Job")[0], said)
    world.settle()
    away = world.status.source_away
    assert away is not None
    assert away.retry_at - away.time == timedelta(seconds=1800)
    assert world.decide().again == world.settings.resync_seconds


def test_a_job_that_somebody_removes_is_not_made_before_its_time() -> None:
    world = adopted()
    for job in world.all("Job"):
        del world.objects["Job", job["metadata"]["name"]]
    assert not [a for a in world.reconcile().actions if "Job" in str(a)]
    assert conditions(world) == CALM
    until_asked(world)


def test_nobody_is_asked_for_a_model_that_is_pinned_or_suspended() -> None:
    for change in ({"pinnedRevision": DIGEST[:12]}, {"suspend": True}):
        world = adopted()
        world.change(change)
        world.settle()
        world.now += timedelta(hours=1)
        assert world.reconcile().actions == ()
        assert world.condition("Servable") == ("True", "Serving")


def test_while_it_still_rolls_out_nothing_is_called_wrong() -> None:
    """Callers of a Model that does not answer yet would otherwise be told that it failed."""
    world = fetching()
    world.finish(world.all("Job")[0], {"reason": "Adopted", "digest": DIGEST, "sourceAway": AWAY})
    for _ in range(3):
        world.reconcile()
    assert world.condition("Ready")[0] == "False"
    assert world.condition("Degraded") == ("False", "AsExpected")


def test_another_source_is_fetched_as_ever() -> None:
    world = adopted()
    world.away = ""
    world.publish("v2", OTHER_DIGEST)
    world.reconcile()
    assert world.condition("Ready")[0] == "False"
    world.settle()
    assert world.status.current_revision == OTHER_DIGEST
    assert plan(world.model, world.observe(), world.settings, world.now).actions == ()
