"""What the fetch found the model's confidence to be worth stands in its status."""

from .world import OTHER_DIGEST, World

MEASURED = {"sentences": 80, "wrong": 12, "temperature": 1.35, "eceBefore": 0.091, "eceAfter": 0.024}


def test_the_figures_stand_in_the_status_and_go_with_the_revision_they_are_of() -> None:
    world = World()
    world.calibration = MEASURED
    world.settle()
    assert world.body["status"]["calibration"] == MEASURED
    world.calibration, world.digest = None, OTHER_DIGEST
    world.change({"source": {"uri": "hf://owner/model", "revision": "v2"}})
    world.settle()
    assert world.status.current_revision == OTHER_DIGEST
    assert "calibration" not in world.body["status"]


def test_why_a_temperature_is_one_is_told() -> None:
    world = World()
    world.calibration = {"sentences": 12, "temperature": 1.0, "message": "There are 12 labelled sentences."}
    world.settle()
    assert world.body["status"]["calibration"] == world.calibration
