"""Everything rendered is a valid object by the schemas of the oldest Kubernetes and of the newest."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from .conftest import CHART, REPO, render

SHAPES = sorted((CHART / "ci").glob("*-values.yaml"))
OWN_KINDS = {"Model"}  # checked by the API server itself, in tests/apiserver
OTHERS = {
    path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")
}
"""Schemas of resources that are neither Kubernetes' nor ours, by kind."""

OLDEST = re.findall(r"\d+\.\d+", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"])[0]
VERSIONS = (OLDEST, kubernetes_validate.latest_version())
"""Of Kubernetes: what the chart says that it needs, and the last of which there are schemas."""


@pytest.mark.parametrize("version", VERSIONS)
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
def test_objects_are_valid(settings: list[str], version: str) -> None:
    valid(render(*settings), version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_objects_of_every_supported_shape_are_valid(shape: Path, version: str) -> None:
    valid(render(values=shape), version)


def valid(rendered: list[dict[str, Any]], version: str) -> None:
    objects = [o for o in rendered if o["kind"] not in OWN_KINDS]
    assert objects
    for item in objects:
        if item["kind"] in OTHERS:
            jsonschema.validate(item, OTHERS[item["kind"]])
        else:
            kubernetes_validate.validate(item, version, strict=True)


def test_a_field_that_others_do_not_know_is_found() -> None:
    monitor, *_ = (i for i in render("monitoring.podMonitors.enabled=true") if i["kind"] == "PodMonitor")
    monitor["spec"]["podMetricsEndpoints"][0]["ports"] = "inner"
    with pytest.raises(jsonschema.ValidationError, match="ports"):
        valid([monitor], VERSIONS[-1])


def test_what_only_newer_versions_know_is_found() -> None:
    claim = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "of-1-34"},
        "spec": {},
    }
    valid([claim], VERSIONS[-1])
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        valid([claim], OLDEST)


def test_the_oldest_version_is_the_one_that_people_are_told() -> None:
    assert f"- Kubernetes {OLDEST} or newer" in (REPO / "docs/install.md").read_text()
