"""What the operator writes is an InferenceService as KServe defines it, and nothing that it does not know."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects.sharing import shared_service

from .built import service
from .test_scheduling import WANTED
from .world import SETTINGS, World

SCHEMA: Json = json.loads((Path(__file__).parent / "schemas/InferenceService.json").read_text())
EVERYTHING: Json = {
    "serving": {
        "minReplicas": 2,
        "maxReplicas": 4,
        "autoscaler": "external",
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
    }
}
SETTINGS_OF_ALL: dict[str, Any] = {
    "scheduling": WANTED,
    "image_pull_secrets": ("pull",),
    "traces_endpoint": "http://c:4318",
    "torch_predictor_image": "torch:1",
    "shared_resources": {"limits": {"memory": "4Gi"}},
}


def shared(spec: Json | None = None, **settings: Any) -> Json:
    owners = [World(spec).model, World().model]
    return shared_service("claim", "ns", owners, replace(SETTINGS, **settings))


@pytest.mark.parametrize("build", [service, shared])
@pytest.mark.parametrize("settings", [{}, SETTINGS_OF_ALL], ids=["by-itself", "all-settings"])
@pytest.mark.parametrize(
    "spec", [None, EVERYTHING, {"serving": {"runtime": "torch"}}], ids=["plain", "everything", "torch"]
)
def test_it_is_one(build: Any, settings: dict[str, Any], spec: Json | None) -> None:
    jsonschema.validate(build(spec, **settings), SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodeSelectors": {}},
        {"tolerations": [{"keys": "a"}]},
        {"priorityClassName": 7},
        {"topologySpreadConstraints": [{"topologyKey": "a"}]},
        {"volumes": [{"name": "models", "persistentVolumeClaim": {"claim": "x"}}]},
    ],
)
def test_what_kserve_would_not_take_is_found(wrong: Json) -> None:
    body = service()
    body["spec"]["predictor"] |= wrong
    with pytest.raises(jsonschema.ValidationError) as refused:
        jsonschema.validate(body, SCHEMA)
    assert next(iter(wrong)) in refused.value.json_path + refused.value.message
