"""What the fetch measured of a conversion, as people read it."""

import pytest

from veriaidpo_operator.decisions.conversion import figures
from veriaidpo_operator.recorded import ConversionStatus

from .rollouts import go_on
from .world import SETTINGS, World

MEASURED = {
    "quantization": "int8",
    "agreement": 0.9975,
    "maxDelta": 0.0312,
    "meanDelta": 0.0011,
    "speedup": 1.9,
}
FIGURES = (
    "99.75% of the labels are the same, probabilities differ by at most 0.0312, by 0.0011 on average, "
    "1.90 times as fast"
)


def converted(world: World) -> tuple[tuple[str, str], str]:
    condition = world.status.condition("Converted")
    assert condition is not None
    return (condition.status, condition.reason), condition.message


@pytest.mark.parametrize("said", [None, {"quantization": "none", "gate": "NotRequested"}])
def test_nothing_was_asked_for(said: dict[str, str] | None) -> None:
    world = World()
    world.conversion = said
    world.settle()
    assert converted(world)[0] == ("True", "NotRequested")


def test_a_gate_that_passed_is_told_with_its_figures() -> None:
    world = World({"conversion": {"quantization": "int8"}})
    world.conversion = MEASURED | {"gate": "Passed"}
    world.settle()
    assert converted(world) == (("True", "Converted"), f"The weights are int8: {FIGURES}.")
    assert world.body["status"]["conversion"] == world.conversion


def test_a_gate_that_failed_is_told_with_its_figures_and_the_model_is_served() -> None:
    world = World({"conversion": {"quantization": "int8"}})
    world.conversion = MEASURED | {"gate": "Failed", "message": "int8 keeps too few labels."}
    told = go_on(world)
    truth, message = converted(world)
    assert truth == ("False", "GateFailed")
    assert f"({FIGURES})" in message
    assert message.endswith(
        "int8 keeps too few labels. Ask for less there, or set spec.conversion.quantization to none."
    )
    assert world.condition("Servable") == ("True", "Serving")
    assert world.condition("Ready") == ("True", "Serving")
    assert told.count(("Warning", "GateFailed")) == 1


def test_figures_that_were_not_measured_are_left_out() -> None:
    assert figures(ConversionStatus(), SETTINGS.sentences) == "nothing could be measured"
    assert figures(ConversionStatus(speedup=2), SETTINGS.sentences) == "2.00 times as fast"
