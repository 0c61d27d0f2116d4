"""The catalogue's models: what they are, from where they come, and how they are converted."""

from pathlib import Path
from typing import Any

import yaml

from .conftest import CHART, render


def test_the_catalogue_is_what_the_models_are_made_of() -> None:
    catalogue = yaml.safe_load(Path(CHART / "files/catalogue.yaml").read_text())["models"]
    models = {
        m["metadata"]["name"]: m["spec"] for m in render("models.languages={vi,en}") if m["kind"] == "Model"
    }
    assert set(models) == {entry["name"] for entry in catalogue}
    for entry in catalogue:
        assert models[entry["name"]]["labels"] == entry["labels"]
        for field in ("modelType", "language", "task", "threshold"):
            assert models[entry["name"]].get(field) == entry.get(field)
        assert models[entry["name"]].get("aliases", []) == entry["aliases"]
        assert models[entry["name"]]["source"]["uri"] == entry["source"]["uri"]
        assert models[entry["name"]]["serving"]["goldenSentences"] == entry["goldenSentences"]


def test_the_eleven_types_of_the_contract_are_in_the_catalogue() -> None:
    types = {m["spec"]["modelType"]: m["spec"].get("aliases", []) for m in render() if m["kind"] == "Model"}
    assert types == {
        "principles": [],
        "legal_basis": [],
        "breach_severity": ["breach_triage"],
        "cross_border": [],
        "data_retention": [],
        "consent": ["consent_type"],
        "processing_activity": [],
        "sensitive_categories": ["data_sensitivity"],
        "transfer_mechanism": [],
        "company_classifier": ["industry"],
        "company_normalizer": [],
    }


def test_without_a_word_only_vietnamese_models_are_installed() -> None:
    languages = {m["spec"]["language"] for m in render() if m["kind"] == "Model"}
    assert languages == {"vi"}


def test_the_demonstration_hub_brings_both_languages(demo: list[dict[str, Any]]) -> None:
    models = [m for m in demo if m["kind"] == "Model"]
    assert {m["spec"]["language"] for m in models} == {"vi", "en"}
    assert all(m["spec"]["source"]["uri"].startswith("hf://veriaidpo-demo/") for m in models)


def test_its_classifiers_are_calibrated_on_sentences_that_are_not_golden(demo: list[dict[str, Any]]) -> None:
    models = {m["metadata"]["name"]: m["spec"] for m in demo if m["kind"] == "Model"}
    for name, spec in models.items():
        calibrated = spec.get("conversion", {}).get("calibrationSentences", [])
        golden = {one["text"] for one in spec["serving"]["goldenSentences"]}
        assert len(calibrated) >= (200 if spec["task"] == "text-classification" else 0), name
        assert golden.isdisjoint(one["text"] for one in calibrated)


def test_models_of_ones_own_are_not_and_none_where_it_is_not_wanted() -> None:
    assert set(conversions().values()) == {None}
    assert set(conversions("demoHub.enabled=true", "demoHub.calibration=false").values()) == {None}
    both = conversions("demoHub.enabled=true", "models.conversion.quantization=int8")["principles-vi"]
    assert (both["quantization"], len(both["calibrationSentences"])) == ("int8", 240)


def conversions(*settings: str) -> dict[str, Any]:
    return {
        m["metadata"]["name"]: m["spec"].get("conversion") for m in render(*settings) if m["kind"] == "Model"
    }


def test_int8_is_asked_for_by_a_value() -> None:
    assert set(conversions().values()) == {None}
    wanted = {"quantization": "int8", "gate": {"minAgreement": 0.99, "maxFlipMargin": 0.1}}
    made = conversions("models.conversion.quantization=int8")
    assert made == dict.fromkeys(made, wanted)
    assert "principles-vi" in made


def test_some_of_the_catalogue_are_converted_otherwise() -> None:
    overrides = "models.conversion.overrides"
    made = conversions(
        "models.conversion.quantization=int8",
        f"{overrides}.consent-vi.quantization=none",
        f"{overrides}.principles-vi.gate.minAgreement=1",
    )
    assert made.pop("consent-vi") is None
    assert made.pop("principles-vi")["gate"] == {"minAgreement": 1, "maxFlipMargin": 0.1}
    assert {one["gate"]["minAgreement"] for one in made.values()} == {0.99}
    (alone,) = (
        n for n, c in conversions(f"{overrides}.consent-vi.quantization=int8").items() if c is not None
    )
    assert alone == "consent-vi"
