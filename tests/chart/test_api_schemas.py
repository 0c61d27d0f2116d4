"""Everything rendered is a valid object of Kubernetes' published schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from .conftest import CHART, render

SHAPES = sorted((CHART / "ci").glob("*-values.yaml"))
OWN_KINDS = {"Model"}  # checked by the API server itself, in tests/apiserver
OTHERS = {
    path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")
}
"""Schemas of resources that are neither Kubernetes' nor ours, by kind."""


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["demoHub.enabled=true"],
        ["redis.enabled=false", "redis.existingSecret=r", "gateway.existingSecret=g", "ingress.tlsSecret=t"],
        ["redis.enabled=false", "gateway.replicas=1", "ingress.enabled=false"],
        ["postgresql.enabled=false", "postgresql.existingSecret=p"],
        ["postgresql.enabled=false", "gateway.replicas=1", "postgresql.storage.storageClassName=s"],
        ["gateway.jwt.algorithms={HS256,RS256,ES256}", "gateway.jwt.jwksUrl=https://idp.example/keys"],
        ["gateway.jwt.algorithms={ES256}", "gateway.jwt.jwksConfigMap=keys"],
        ["sources.networkPolicy.enabled=true", "demoHub.enabled=true"],
        [
            "monitoring.rules.enabled=true",
            "monitoring.rules.runbookUrl=https://wiki.example/alerts",
            "monitoring.podMonitors.enabled=true",
            "monitoring.dashboard.enabled=true",
        ],
        ["networkPolicy.enabled=true", "demoHub.enabled=true", "gateway.autoscaling.enabled=true"],
        [
            "httpRoute.enabled=true",
            "httpRoute.parentRefs[0].name=public",
            "httpRoute.parentRefs[0].namespace=web",
        ],
        ["models.serving.placement=shared", "models.serving.minReplicas=2", "models.serving.maxReplicas=2"],
        ["ingress.controller=traefik", "ingress.certManager.issuer=ca"],
        ["redis.enabled=false", "redis.existingSecret=mine", "redis.caConfigMap=authority"],
        ["image.registry=registry.example/team", "image.tag=1.2.3", "image.pullSecrets[0].name=pull"],
    ],
)
def test_objects_are_valid(settings: list[str]) -> None:
    valid(render(*settings))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_objects_of_every_supported_shape_are_valid(shape: Path) -> None:
    valid(render(values=shape))


def valid(rendered: list[dict[str, Any]]) -> None:
    objects = [o for o in rendered if o["kind"] not in OWN_KINDS]
    assert objects
    for item in objects:
        if item["kind"] in OTHERS:
            jsonschema.validate(item, OTHERS[item["kind"]])
        else:
            kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_a_field_that_others_do_not_know_is_found() -> None:
    monitor, *_ = (i for i in render("monitoring.podMonitors.enabled=true") if i["kind"] == "PodMonitor")
    monitor["spec"]["podMetricsEndpoints"][0]["ports"] = "inner"
    with pytest.raises(jsonschema.ValidationError, match="ports"):
        valid([monitor])
