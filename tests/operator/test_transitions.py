"""Events tell each change once, for kubectl describe."""

from veriaidpo_operator.decisions.transitions import events
from veriaidpo_operator.recorded import Status

from .world import DIGEST, OTHER_DIGEST, SETTINGS, World

SAY = SETTINGS.sentences


def told(world: World, rounds: int = 12) -> list[tuple[str, str]]:
    """Let the world go on and return the events of it."""
    found: list[tuple[str, str]] = []
    for _ in range(rounds):
        before = world.status
        world.reconcile()
        found += [(e.type, e.reason) for e in events(before, world.status, SAY)]
        world.kubernetes()
    return found


def test_the_story_of_a_model_that_goes_well() -> None:
    assert told(World()) == [
        ("Normal", "RevisionFetched"),
        ("Normal", "RevisionServing"),
        ("Normal", "Serving"),
    ]


def test_a_status_that_did_not_change_tells_nothing() -> None:
    world = World()
    world.settle()
    assert events(world.status, world.status, SAY) == ()


def test_a_failure_is_a_warning_with_its_sentence() -> None:
    world = World()
    for _ in range(3):
        world.reconcile()
    before = world.status
    world.fail("SourceNotFound")
    world.reconcile()
    (event,) = events(before, world.status, SAY)
    assert (event.type, event.reason) == ("Warning", "SourceNotFound")
    assert "spec.source.uri" in event.message


def test_a_new_revision_names_the_one_before() -> None:
    before = Status(current_revision=DIGEST)
    (event,) = events(before, Status(current_revision=OTHER_DIGEST), SAY)
    assert event.reason == "RevisionServing"
    assert DIGEST[:12] in event.message
    assert OTHER_DIGEST[:12] in event.message
