"""Drift: how far the latest answers are from those to the calibration sentences."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.calibration import CONFIDENCE_EDGES, Calibration, Reference
from veriaidpo_predictor.serving import drift
from veriaidpo_predictor.serving.drift import Recent

PLACES = len(CONFIDENCE_EDGES) + 1
REFERENCE = Reference(labels=(100, 100, 100), confidence=(0, 10, 20, 30, 40, 60, 80, 60))
SURE = (0.4, 0.55, 0.65, 0.75, 0.85, 0.92, 0.97, 0.995)
"""A confidence in each place."""


def answered(recent: Recent, count: int, labels: tuple[int, ...], confidence: tuple[int, ...]) -> Recent:
    """Answers with these weights, drawn by chance."""
    chance = random.Random(7)
    given_labels = chance.choices(range(len(labels)), labels, k=count)
    for label, sure in zip(given_labels, chance.choices(SURE, confidence, k=count), strict=True):
        recent.add(label, sure)
    return recent


def test_the_same_source_has_next_to_no_drift() -> None:
    recent = answered(Recent(REFERENCE), 2_000, REFERENCE.labels, REFERENCE.confidence)
    assert recent.of_labels() < 0.02
    assert recent.of_confidence() < 0.05


def test_other_labels_are_drift_of_labels_alone() -> None:
    recent = answered(Recent(REFERENCE), 1_000, (300, 20, 20), REFERENCE.confidence)
    assert recent.of_labels() > 0.25
    assert recent.of_confidence() < 0.1


def test_other_confidence_is_drift_of_confidence_alone() -> None:
    recent = answered(Recent(REFERENCE), 1_000, REFERENCE.labels, tuple(reversed(REFERENCE.confidence)))
    assert recent.of_labels() < 0.1
    assert recent.of_confidence() > 0.25


def test_nothing_is_told_of_too_few_answers() -> None:
    recent = answered(Recent(REFERENCE), drift.LEAST - 1, REFERENCE.labels, REFERENCE.confidence)
    assert math.isnan(recent.of_labels())
    assert math.isnan(recent.of_confidence())
    recent.add(0, 0.7)
    assert not math.isnan(recent.of_labels())


def test_what_was_answered_long_ago_is_forgotten() -> None:
    recent = Recent(REFERENCE)
    answered(recent, drift.MOST, (300, 1, 1), REFERENCE.confidence)
    assert recent.of_labels() > 0.25
    answered(recent, drift.MOST, REFERENCE.labels, REFERENCE.confidence)
    assert recent.of_labels() < 0.02


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1)), min_size=5, max_size=60))
def test_the_counts_are_those_of_the_latest_answers_whatever_they_are(
    answers: list[tuple[int, float]],
) -> None:
    all_of_them, latest = Recent(REFERENCE, most=5, least=1), Recent(REFERENCE, most=5, least=1)
    for label, sure in answers:
        all_of_them.add(label, sure)
    for label, sure in answers[-5:]:
        latest.add(label, sure)
    assert all_of_them.of_labels() == latest.of_labels()
    assert all_of_them.of_confidence() == latest.of_confidence()


def test_the_index_is_what_the_formula_says() -> None:
    expected = (0.7 - 0.5) * math.log(0.7 / 0.5) + (0.3 - 0.5) * math.log(0.3 / 0.5)
    assert drift.stability((10**6, 10**6), (7 * 10**6, 3 * 10**6)) == pytest.approx(expected, abs=1e-5)


def test_an_edge_belongs_to_what_is_above_it() -> None:
    recent = Recent(REFERENCE, least=1)
    for edge in CONFIDENCE_EDGES:
        recent.add(0, edge)
    assert recent._confidence == [0, *[1] * len(CONFIDENCE_EDGES)]


def test_a_reference_of_another_number_of_labels_is_no_manifest(revision: Path) -> None:
    found = manifests.read(revision)
    calibration = Calibration(sentences=60, reference=REFERENCE.model_copy(update={"labels": (60, 0)}))
    broken = found.model_copy(update={"calibration": calibration})
    (revision / "manifest.json").write_bytes(manifests.encode(broken))
    with pytest.raises(manifests.ManifestError, match="see calibration"):
        manifests.read(revision)


def test_a_predictor_tells_it_where_there_is_something_to_compare_with(
    volume: Path, publish_to: Callable[..., Path], serve: Callable[..., object]
) -> None:
    calibration = {
        "sentences": 60,
        "reference": {"labels": [20, 20, 20], "confidence": [0, 0, 0, 0, 60, 0, 0, 0]},
    }
    known = publish_to(volume, name="known-en", calibration=calibration)
    process = serve(known, publish_to(volume), "--no-auth", "--threads", "1")
    process.until_ready()  # type: ignore[attr-defined]
    with process.client() as client:  # type: ignore[attr-defined]
        url = "/v1/models/known-en:predict"
        drifts = [
            line for line in client.get("/metrics").text.splitlines() if line.startswith("veriaidpo_drift{")
        ]
        assert len(drifts) == 2
        assert all('model="known-en"' in line and line.endswith("NaN") for line in drifts)
        assert client.post(url, json={"instances": ["law"] * drift.LEAST}).status_code == 200
        found = client.get("/metrics").text
    (of_labels,) = (
        line for line in found.splitlines() if line.startswith("veriaidpo_drift{") and 'of="labels"' in line
    )
    assert float(of_labels.rpartition(" ")[2]) > 1
