"""A temperature makes confidence mean what it says, and never changes a label."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from veriaidpo_predictor import calibration
from veriaidpo_predictor.computing.classification import Classification
from veriaidpo_predictor.converting import calibrating
from veriaidpo_predictor.golden import GoldenSentence, Label
from veriaidpo_predictor.manifest import digest_of
from veriaidpo_predictor.tokenising.tokenise import Encoded

LABELS = tuple(Label(id=name, en=name, vi=name) for name in "abcd")


def answered(count: int, *, sure: float, right: float) -> tuple[Any, Any]:
    """Logits of `count` sentences with four labels, as sure as that and right as often as that."""
    truth = np.arange(count) % 4
    chosen = np.where(np.arange(count) < right * count, truth, (truth + 1) % 4)
    logits = np.zeros((count, 4))
    logits[np.arange(count), chosen] = np.log(sure / ((1 - sure) / 3))
    return logits, truth


def test_a_model_that_is_too_sure_is_made_less_sure() -> None:
    found = calibrating.calibrate(*answered(200, sure=0.99, right=0.8))
    assert found.temperature > 1.5
    assert (found.sentences, found.wrong, found.message) == (200, 40, None)
    assert found.ece_before == pytest.approx(0.19, abs=0.001)
    assert found.ece_after is not None
    assert found.ece_after < 0.01


def test_a_model_that_is_not_sure_enough_is_made_surer() -> None:
    found = calibrating.calibrate(*answered(200, sure=0.7, right=0.9))
    assert found.temperature < 1
    assert found.ece_after is not None
    assert found.ece_after < 0.01


def test_a_set_without_errors_makes_no_model_surer() -> None:
    found = calibrating.calibrate(*answered(60, sure=0.5, right=1))
    assert (found.temperature, found.wrong) == (1.0, 0)
    assert found.ece_before == found.ece_after == pytest.approx(0.5)
    assert "left as they are" in (found.message or "")


def test_what_would_gain_next_to_nothing_is_left_as_it_is() -> None:
    found = calibrating.calibrate(*answered(200, sure=0.8, right=0.8))
    assert (found.temperature, found.ece_before) == (1.0, found.ece_after)
    assert "left as they are" in (found.message or "")


def test_equal_logits_give_an_equal_calibration_and_an_equal_digest() -> None:
    first, second = (
        calibrating.calibrate(*answered(120, sure=0.97, right=0.7), asked="0" * 64) for _ in "12"
    )
    assert first.model_dump_json() == second.model_dump_json()
    digests = [digest_of({}, recipe="r", calibration=one) for one in (first, second, None)]
    assert digests[0] == digests[1] != digests[2]


def test_the_digest_of_what_is_not_calibrated_is_what_it_was_before_there_was_calibration() -> None:
    plain = calibrating.calibrate(*answered(60, sure=0.5, right=1))
    assert digest_of({}, recipe="r", calibration=plain) == digest_of({}, recipe="r")


def test_the_reference_counts_labels_and_confidences_as_they_will_be_answered() -> None:
    found = calibrating.calibrate(*answered(200, sure=0.99, right=0.8))
    assert found.reference is not None
    assert sum(found.reference.labels) == sum(found.reference.confidence) == 200
    assert found.reference.labels == (50, 50, 50, 50)
    place = np.searchsorted(calibration.CONFIDENCE_EDGES, 0.8, side="right")
    assert found.reference.confidence[place] + found.reference.confidence[place - 1] == 200


@pytest.mark.parametrize(
    ("confidence", "expected"), [([0.8] * 10, 0.0), ([1.0] * 10, 0.2), ([0.55] * 10, 0.25)]
)
def test_the_error_is_how_far_confidence_is_from_the_share_of_right_answers(
    confidence: list[float], expected: float
) -> None:
    right = np.array([True] * 8 + [False] * 2)
    assert calibrating.error(np.array(confidence), right) == pytest.approx(expected)


def test_too_sure_and_not_sure_enough_do_not_make_up_for_each_other() -> None:
    confidence = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 5 + [False] * 5 + [True] * 10)
    assert calibrating.error(confidence, right) == pytest.approx(0.45)


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-40, 40, width=32)),
    st.floats(0.5, 5),
)
def test_no_temperature_changes_a_label(logits: Any, temperature: float) -> None:
    encoded = [Encoded([1, 2], truncated=False) for _ in range(3)]
    plain, scaled = (
        Classification(LABELS, one).answers(["x"] * 3, encoded, list(logits)) for one in (1.0, temperature)
    )
    assert [one.category_id for one in plain] == [one.category_id for one in scaled]
    for one in scaled:
        assert one.probabilities[one.category_id] == max(one.probabilities)
        assert sum(one.probabilities) == pytest.approx(1, abs=1e-5)


def test_a_set_of_sentences_is_named_by_every_word_of_it() -> None:
    one, other = GoldenSentence(text="Một", label="a"), GoldenSentence(text="Hai", label="a")
    names = {calibration.asked_for(each) for each in ((one,), (other,), (one, other), (other, one))}
    assert len(names) == 4
    assert calibration.asked_for(()) is None


def test_what_a_fetch_reports_has_the_figures_and_no_word_of_the_sentences() -> None:
    found = calibrating.calibrate(*answered(200, sure=0.99, right=0.8), asked="0" * 64)
    told = json.loads(json.dumps(calibration.told(found)))["calibration"]
    assert told.keys() == {"sentences", "wrong", "temperature", "eceBefore", "eceAfter"}
    assert calibration.told(None) == {}
