"""A fetch that is given labelled sentences holds the model's confidence against them."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.registry import open_models

from .conftest import Ended

Fetch = Callable[..., Ended]

SURE = "agree agree agree agree"
"""The tiny model is all but certain that it is consent."""


def sentences(count: int, *, wrong: int) -> list[dict[str, str]]:
    """Sentences of which the model gets `wrong` otherwise than they are labelled."""
    labels = ["duty"] * wrong + ["consent"] * (count - wrong)
    return [{"text": f"{SURE} number {number}", "label": label} for number, label in enumerate(labels)]


@pytest.fixture
def claim(tmp_path: Path, repository: Callable[..., dict[str, bytes]]) -> Path:
    for path, data in repository().items():
        file = tmp_path / "claim" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "claim"


@pytest.fixture
def calibrated(claim: Path, fetch: Fetch) -> Callable[..., dict[str, Any]]:
    def run(**spec: Any) -> dict[str, Any]:
        code, said = fetch({"uri": "pvc://shared"}, spec=spec, SOURCE_CLAIM_DIR=str(claim))
        assert code == 0, said
        return said

    return run


def answer(directory: Path, text: str) -> Any:
    """Ask a revision as a predictor does."""
    pool = Pool(1)
    (model,) = open_models([directory], pool=pool, limits=Limits())
    model.load()
    (found,) = asyncio.run(model.answer([text], time.monotonic() + 30))
    pool.stop()
    return found


def test_a_model_that_is_too_sure_is_served_less_sure_and_with_the_same_label(
    calibrated: Callable[..., dict[str, Any]], volume: Path
) -> None:
    plain = calibrated()
    assert "calibration" not in plain
    found = calibrated(calibrationSentences=sentences(60, wrong=15))
    told = found["calibration"]
    assert told["sentences"] == 60
    assert told["wrong"] == 15
    assert told["temperature"] > 1
    assert told["eceAfter"] < told["eceBefore"]
    assert found["digest"] != plain["digest"]
    folder = volume / "models" / "tiny-en" / "revisions"
    manifest = manifests.read(folder / found["digest"])
    assert manifest.temperature == told["temperature"]
    assert manifest.calibration is not None
    assert manifest.calibration.reference is not None
    assert manifest.calibration.reference.labels == (60, 0, 0)
    before, after = (answer(folder / one["digest"], f"{SURE} number 7") for one in (plain, found))
    assert before.category_id == after.category_id == 0
    assert before.probabilities[0] > 0.95
    assert after.probabilities[0] == pytest.approx(0.75, abs=0.06)


def test_equal_sentences_give_the_same_revision_and_others_another(
    calibrated: Callable[..., dict[str, Any]],
) -> None:
    first = calibrated(calibrationSentences=sentences(60, wrong=15))
    again = calibrated(calibrationSentences=sentences(60, wrong=15))
    other = calibrated(calibrationSentences=sentences(60, wrong=20))
    assert (first["reason"], again["reason"], other["reason"]) == ("Published", "Adopted", "Published")
    assert first["digest"] == again["digest"] != other["digest"]
    assert again["calibration"] == first["calibration"]
    assert calibrated()["digest"] not in {first["digest"], other["digest"]}


def test_too_few_sentences_leave_the_confidence_as_it_is(
    calibrated: Callable[..., dict[str, Any]],
) -> None:
    told = calibrated(calibrationSentences=sentences(49, wrong=15))["calibration"]
    assert told == {
        "sentences": 49,
        "temperature": 1.0,
        "message": "There are 49 labelled sentences, and 50 are needed.",
    }


def test_golden_sentences_are_measured_on_where_there_are_enough_of_them(
    calibrated: Callable[..., dict[str, Any]],
) -> None:
    assert "calibration" not in calibrated(goldenSentences=sentences(49, wrong=0))
    told = calibrated(goldenSentences=sentences(50, wrong=0), maxTokens=64)
    assert told["reason"] == "Adopted"  # golden sentences that came later change no revision


def test_golden_sentences_alone_never_make_a_model_surer(
    calibrated: Callable[..., dict[str, Any]],
) -> None:
    told = calibrated(goldenSentences=sentences(50, wrong=0))["calibration"]
    assert (told["sentences"], told["wrong"], told["temperature"]) == (50, 0, 1.0)


def test_a_label_that_the_model_lacks_is_refused(claim: Path, fetch: Fetch) -> None:
    spec = {"calibrationSentences": [{"text": "x", "label": "none"}]}
    code, said = fetch({"uri": "pvc://shared"}, spec=spec, SOURCE_CLAIM_DIR=str(claim))
    assert (code, said["reason"]) == (2, "InvalidSpec")
    assert "calibrationSentences" in said["message"]


def test_a_calibration_that_was_changed_on_the_volume_is_found(
    calibrated: Callable[..., dict[str, Any]], volume: Path
) -> None:
    found = calibrated(calibrationSentences=sentences(60, wrong=15))
    path = volume / "models" / "tiny-en" / "revisions" / found["digest"] / "manifest.json"
    text = path.read_text(encoding="utf-8")
    temperature = f'"temperature": {found["calibration"]["temperature"]}'
    assert temperature in text
    path.chmod(0o644)
    path.write_text(text.replace(temperature, '"temperature": 1.0'), encoding="utf-8")
    with pytest.raises(manifests.ManifestError, match="digest"):
        manifests.read(path.parent)
