"""The resource definition and the operator read the same Models."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from veriaidpo_operator.api import GROUP, KIND, PLURAL, VERSION, Spec, parse
from veriaidpo_operator.cluster import crd
from veriaidpo_operator.recorded import Status

from .world import SPEC, World

FILE = Path(__file__).parents[2] / "charts/veriaidpo/crds/models.yaml"
DEFINITION: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SCHEMA: dict[str, Any] = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def fields(schema: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the paths of all fields of a schema; maps end a path."""
    if schema.get("type") == "array":
        return fields(schema["items"], prefix)
    found = set()
    for name, child in schema.get("properties", {}).items():
        found |= {f"{prefix}{name}"} | fields(child, f"{prefix}{name}.")
    return found


def model_fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the same of a pydantic model."""
    found = set()
    for name, field in model.model_fields.items():
        alias = field.alias or name
        found.add(f"{prefix}{alias}")
        for part in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            for inner in [part, *getattr(part, "__args__", ())]:
                if isinstance(inner, type) and issubclass(inner, BaseModel):
                    found |= model_fields(inner, f"{prefix}{alias}.")
    return found


def test_group_kind_and_version_are_the_definitions() -> None:
    spec = DEFINITION["spec"]
    assert (spec["group"], spec["names"]["kind"], spec["names"]["plural"]) == (GROUP, KIND, PLURAL)
    assert [v["name"] for v in spec["versions"]] == [VERSION]


@pytest.mark.parametrize(("part", "model"), [("spec", Spec), ("status", Status)])
def test_every_field_is_known_to_both(part: str, model: type[BaseModel]) -> None:
    assert model_fields(model) == fields(SCHEMA[part])


def undescribed(schema: dict[str, Any], path: str) -> list[str]:
    if schema.get("type") == "array":
        return undescribed(schema["items"], path)
    found = []
    for name, child in schema.get("properties", {}).items():
        if "description" not in child:
            found.append(f"{path}.{name}")
        found += undescribed(child, f"{path}.{name}")
    return found


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_described(part: str) -> None:
    assert undescribed(SCHEMA[part], part) == []


def test_the_defaults_are_the_same() -> None:
    properties = SCHEMA["spec"]["properties"]
    spec = Spec.model_validate(SPEC)
    assert spec.max_tokens == properties["maxTokens"]["default"]
    assert spec.task == properties["task"]["default"]
    assert spec.source.revision == properties["source"]["properties"]["revision"]["default"]
    assert spec.storage.reclaim_policy == properties["storage"]["properties"]["reclaimPolicy"]["default"]
    download = properties["download"]["properties"]
    assert spec.download.backoff_limit == download["backoffLimit"]["default"]
    assert spec.download.active_deadline_seconds == download["activeDeadlineSeconds"]["default"]
    assert spec.serving.min_replicas == properties["serving"]["properties"]["minReplicas"]["default"]
    deadline = properties["serving"]["properties"]["progressDeadlineSeconds"]["default"]
    assert spec.serving.progress_deadline_seconds == deadline
    conversion = properties["conversion"]["properties"]
    assert spec.conversion.quantization == conversion["quantization"]["default"]
    gate = {name: field["default"] for name, field in conversion["gate"]["properties"].items()}
    assert spec.conversion.gate.model_dump(by_alias=True) == gate
    assert spec.revision_history_limit == properties["revisionHistoryLimit"]["default"]


def test_a_field_of_a_newer_definition_keeps_no_model_from_being_read() -> None:
    """Between a newer definition, which may fill in defaults, and its operator Models go on as they are."""
    world = World({"warp": 9, "serving": {"warp": 9}})
    assert parse(world.body).spec == parse(World().body).spec


def test_a_value_that_is_not_known_is_no_spec() -> None:
    world = World({"serving": {"placement": "apart"}})
    with pytest.raises(ValidationError, match="placement"):
        parse(world.body)


def test_a_field_of_a_newer_status_is() -> None:
    world = World()
    world.body["status"] = {"warp": 9, "progress": "5%"}
    assert world.status.progress == "5%"


@pytest.mark.parametrize("text", ["", "kind: ConfigMap", "[", "a: 1\n---\nb: 2"])
def test_crd_apply_takes_definitions_and_nothing_else(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(crd.CrdError):
        crd._load(str(file))


def test_crd_apply_says_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(crd.CrdError, match="cannot be read"):
        crd._load(str(tmp_path / "nowhere.yaml"))
