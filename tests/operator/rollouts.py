"""Steps of a rollout that several tests take."""

from datetime import timedelta

from veriaidpo_operator.decisions.transitions import events

from .world import OTHER_DIGEST, World


def served(world: World) -> str:
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    return str(service["spec"]["predictor"]["containers"][0]["args"][1]).rpartition("/")[2]


def go_on(world: World, rounds: int = 12, seconds: int = 1) -> list[tuple[str, str]]:
    """Let the world go on for a while; return the events of it."""
    told: list[tuple[str, str]] = []
    for _ in range(rounds):
        before = world.status
        world.reconcile()
        told += [(e.type, e.reason) for e in events(before, world.status, world.settings.sentences)]
        world.kubernetes()
        world.now += timedelta(seconds=seconds)
    return told


def with_a_bad_second(fault: str, *, deadline: int = 60) -> World:
    world = World({"serving": {"progressDeadlineSeconds": deadline}})
    world.settle()
    world.bad = {OTHER_DIGEST: fault}
    world.publish("v2", OTHER_DIGEST)
    return world


def pinned_to(world: World, pin: str | None) -> None:
    world.change({"pinnedRevision": pin})
    go_on(world)


def after_two_good_ones() -> World:
    world = World()
    world.settle()
    world.publish("v2", OTHER_DIGEST)
    world.settle()
    return world
