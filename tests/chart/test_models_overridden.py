"""What a catalogue's model has otherwise by models.overrides, and what may be said there."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import CHART, RenderError, kinds, notes, render

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FIXED = {"modelType", "language", "task", "labels", "storage"}
"""What makes it this model of the catalogue, and the volume, which models.storage says for all."""


def specs(values: Path | None = None, *settings: str) -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m["spec"] for m in kinds(render(*settings, values=values), "Model")}


@pytest.fixture
def said(tmp_path: Path) -> Any:
    """Return a function that writes models.overrides into a file of values."""

    def write(overrides: dict[str, Any], **models: Any) -> Path:
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps({"models": {"overrides": overrides, **models}}))
        return file

    return write


def test_what_is_said_is_laid_over_the_model_and_the_rest_stays(said: Any) -> None:
    own: dict[str, Any] = {
        "aliases": ["principle"],
        "threshold": 0,
        "maxTokens": 128,
        "revisionHistoryLimit": 2,
        "source": {"revision": COMMIT, "authSecret": {"name": "reader"}},
        "download": {"activeDeadlineSeconds": 60},
        "conversion": {"calibrationSentences": [{"text": "Xóa dữ liệu.", "label": "storage_limitation"}]},
        "serving": {"maxReplicas": 3, "resources": {"limits": {"memory": "2Gi"}}, "goldenSentences": []},
    }
    before, after = specs(), specs(said({"principles-vi": own}))
    changed = after.pop("principles-vi")
    shipped = before.pop("principles-vi")
    assert after == before
    for name in ("aliases", "threshold", "maxTokens", "revisionHistoryLimit", "download", "conversion"):
        assert changed[name] == own[name]
    assert changed["source"] == {**shipped["source"], **own["source"]}
    assert changed["serving"] == {
        "minReplicas": 1,
        "maxReplicas": 3,
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
    }
    assert {name: changed[name] for name in FIXED} == {name: shipped[name] for name in FIXED}


def test_of_two_places_that_say_a_conversion_the_models_own_counts(said: Any) -> None:
    file = said(
        {"consent-vi": {"conversion": {"gate": {"minAgreement": 1}}}},
        conversion={
            "quantization": "int8",
            "overrides": {"consent-vi": {"gate": {"minAgreement": 0.5, "maxFlipMargin": 0.2}}},
        },
    )
    assert specs(file)["consent-vi"]["conversion"] == {
        "quantization": "int8",
        "gate": {"minAgreement": 1, "maxFlipMargin": 0.2},
    }


def test_calibration_sentences_of_ones_own_take_the_place_of_the_demonstrations(said: Any) -> None:
    mine = [{"text": "Xóa dữ liệu.", "label": "storage_limitation"}]
    file = said({"principles-vi": {"conversion": {"calibrationSentences": mine}}})
    assert specs(file, "demoHub.enabled=true")["principles-vi"]["conversion"]["calibrationSentences"] == mine


def test_a_model_with_more_predictors_than_the_others_has_a_budget_alone(said: Any) -> None:
    file = said({"consent-vi": {"serving": {"minReplicas": 2, "maxReplicas": 2}}})
    budgets = [b["metadata"]["name"] for b in kinds(render(values=file), "PodDisruptionBudget")]
    assert [name for name in budgets if "gateway" not in name] == ["veriaidpo-consent-vi"]


def test_a_model_may_leave_the_shared_predictor(said: Any) -> None:
    file = said({"consent-vi": {"serving": {"placement": "own"}}}, serving={"placement": "shared"})
    made = specs(file)
    assert "placement" not in made["consent-vi"]["serving"]
    assert made["principles-vi"]["serving"]["placement"] == "shared"
    assert made["consent-vi"]["storage"]["claimName"] == made["principles-vi"]["storage"]["claimName"]


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("principles-xx.suspend=true", "models.overrides names .*principles-vi, legal-basis-vi"),
        ("consent-vi.serving.minReplicas=2", "models.overrides.consent-vi.serving .*raise the latter"),
        ("consent-vi.serving.placement=shared", "models.storage.claimName"),
        ("consent-vi.labels=x", "labels"),
        ("consent-vi.source.uri=file:///etc", "uri"),
        ("consent-vi.source.revison=main", "revison"),
        ("consent-vi.threshold=2", "threshold"),
    ],
)
def test_what_cannot_be_meant_is_refused(setting: str, advice: str) -> None:
    with pytest.raises(RenderError, match=advice):
        render(f"models.overrides.{setting}")


@pytest.mark.parametrize(
    ("volume", "advice"),
    [
        ("models.storage.accessModes={ReadWriteOncePod}", "ReadWriteMany, or maxReplicas: 1"),
        ("models.scheduling.spread.nodes=DoNotSchedule", r"\[ReadWriteMany\], or ScheduleAnyway"),
    ],
)
def test_one_model_cannot_have_more_predictors_than_its_volume_has_places(volume: str, advice: str) -> None:
    several = "models.overrides.consent-vi.serving.maxReplicas=3"
    with pytest.raises(RenderError, match=rf"models\.overrides\.consent-vi\.serving .*{advice}"):
        render(several, volume)
    render(volume)
    render(several, volume, "models.storage.claimName=shared-files")
    render(several, volume, "models.disabled={consent-vi}")


def test_a_source_of_ones_own_and_the_demonstrations_are_not_both_asked() -> None:
    with pytest.raises(RenderError, match=r"models\.overrides\.consent-vi\.source .*set only one of them"):
        render("demoHub.enabled=true", f"models.overrides.consent-vi.source.revision={COMMIT}")


def test_what_may_be_said_is_what_a_model_takes() -> None:
    """The schema of the values and the definition of Models say the same, so what renders is taken."""
    definition = yaml.safe_load((CHART / "crds/models.yaml").read_text())["spec"]["versions"][0]
    spec = definition["schema"]["openAPIV3Schema"]["properties"]["spec"]
    expected = as_values(spec)
    del expected["required"], expected["properties"]["source"]["required"]
    expected["properties"] = {n: s for n, s in expected["properties"].items() if n not in FIXED}
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["definitions"]["modelOverride"] == expected


def as_values(node: dict[str, Any]) -> dict[str, Any]:
    """Give a node of the definition as draft 7 has it: closed, without what only the API server does."""
    said = {
        key: value
        for key, value in node.items()
        if key not in {"description", "default", "format"} and not key.startswith("x-kubernetes-")
    }
    if node.get("x-kubernetes-int-or-string"):
        said["type"] = ["string", "integer"]
    if "items" in said:
        said["items"] = as_values(said["items"])
    if "properties" in said:
        said["properties"] = {name: as_values(inner) for name, inner in said["properties"].items()}
        said["additionalProperties"] = False
    if isinstance(said.get("additionalProperties"), dict):
        said["additionalProperties"] = as_values(said["additionalProperties"])
    return said


def test_who_installs_is_told_which_models_follow_a_branch() -> None:
    assert "follow a branch or tag of their repository: principles-vi, " in notes()
    pinned = notes(f"models.overrides.principles-vi.source.revision={COMMIT}")
    assert "follow a branch or tag of their repository: legal-basis-vi, " in pinned
    assert "follow a branch" not in notes("demoHub.enabled=true")
