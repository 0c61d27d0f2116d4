"""Every value of the chart is described, typed, explained, and does something."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import getitem
from typing import Any, cast

import render_values
import yaml

from .conftest import CHART, helm


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, child in value.items() for leaf in leaves(child, (*path, key))]
    return [path]


def test_the_schema_describes_every_value_and_nothing_else() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def described(path: tuple[str, ...]) -> bool:
        node = schema
        for key in path:
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
            if key not in node.get("properties", {}):
                # Free-form maps (resources by name, annotations) end here.
                return isinstance(node.get("additionalProperties"), dict)
            node = node["properties"][key]
        return True

    assert [path for path in leaves(values) if not described(path)] == []
    assert set(schema["properties"]) - {"global"} == set(values)


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return cast("dict[str, Any]", value)


OTHER_VALUES = {
    "image.pullPolicy": "Always",
    "image.pullSecrets": [{"name": "pull"}],
    "models.languages": ["vi", "en"],
    "models.disabled": ["legal-basis-vi"],
    "models.overrides": {"consent-vi": {"threshold": 0.5}},
    "models.storage.claimName": "nfs",
    "models.storage.accessModes": ["ReadWriteMany"],
    "models.serving.placement": "shared",
    "models.conversion.quantization": "int8",
    "models.conversion.overrides": {"consent-vi": {"quantization": "int8"}},
    "models.storage.reclaimPolicy": "Delete",
    "models.serving.autoscaler": "external",
    "gateway.limits.userCharacters": 4000,
    "gateway.limits.tenantCharacters": 4000,
    "gateway.limits.plans": {"large": {"userRequests": 7}},
    "operator.language": "vi",
    "records.whenFull": "refuse",
    "sources.schemes": ["hf"],
    "sources.hosts": ["models.example"],
    "sources.hostsInside": ["minio.storage.svc"],
    "sources.httpsProxy": "http://proxy.example:3128",
    "redis.maxMemory": "32mb",
    "tracing.endpoint": "http://collector:4318",
    "models.scheduling.spread.nodes": "DoNotSchedule",
    "models.scheduling.spread.zones": "DoNotSchedule",
    "models.scheduling.priorityClassName": "serving",
    "gateway.spread.nodes": "DoNotSchedule",
    "gateway.spread.zones": "DoNotSchedule",
    "ingress.controller": "nginx",
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}],
    **{
        f"{part}.{name}": value
        for part in ("gateway", "operator")
        for name, value in (
            ("extraEnv", [{"name": "SSL_CERT_FILE", "value": "/more/ca.crt"}]),
            ("extraVolumes", [{"name": "more", "emptyDir": {}}]),
            ("extraVolumeMounts", [{"name": "more", "mountPath": "/more"}]),
        )
    },
}
_MIRROR = {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 443}]}
_PEER = {"namespaceSelector": {"matchLabels": {"team": "web"}}}
_SERVICE_KEY = {"existingSecret": "key", "trustConfigMap": "certificate"}
_SEVERAL = {"minReplicas": 2, "maxReplicas": 2}
_RULES = {"enabled": True, "runbookUrl": "https://wiki.example/alerts"}
_JWKS = {"algorithms": ["RS256"], "jwksUrl": "https://idp/keys"}
# Each needs another value beside it to show.
BESIDE = {
    "gateway.jwt.algorithms": (
        {"gateway": {"jwt": {**_JWKS, "algorithms": ["HS256", "RS256"]}}},
        {"gateway": {"jwt": _JWKS}},
    ),
    "gateway.jwt.jwksUrl": (
        {"gateway": {"jwt": {**_JWKS, "jwksUrl": "https://other/keys"}}},
        {"gateway": {"jwt": _JWKS}},
    ),
    "gateway.jwt.jwksConfigMap": (
        {"gateway": {"jwt": {**_JWKS, "jwksUrl": "", "jwksConfigMap": "keys"}}},
        {"gateway": {"jwt": _JWKS}},
    ),
    "gateway.jwt.jwksAllowHttp": (
        {"gateway": {"jwt": {**_JWKS, "jwksAllowHttp": True}}},
        {"gateway": {"jwt": _JWKS}},
    ),
    "gateway.limits.tenants": (
        {"gateway": {"limits": {"plans": {"large": {}}, "tenants": {"t1": "large"}}}},
        {"gateway": {"limits": {"plans": {"large": {}}}}},
    ),
    "sources.networkPolicy.also": (
        {"sources": {"networkPolicy": {"enabled": True, "also": [_MIRROR]}}},
        {"sources": {"networkPolicy": {"enabled": True}}},
    ),
    "models.serving.minReplicas": ({"models": {"serving": {"minReplicas": 2, "maxReplicas": 2}}}, None),
    "hub.tokenSecret.key": (
        {"hub": {"tokenSecret": {"name": "t", "key": "other"}}},
        {"hub": {"tokenSecret": {"name": "t"}}},
    ),
    "tracing.samplingRatio": (
        {"tracing": {"endpoint": "http://collector:4318", "samplingRatio": 0.25}},
        {"tracing": {"endpoint": "http://collector:4318"}},
    ),
    "tracing.trustedCidrs": (
        {"tracing": {"endpoint": "http://collector:4318", "trustedCidrs": ["10.42.0.0/16"]}},
        {"tracing": {"endpoint": "http://collector:4318"}},
    ),
    **{
        f"monitoring.{part}.{name}": (
            {"monitoring": {part: {"enabled": True, name: value}}},
            {"monitoring": {part: {"enabled": True}}},
        )
        for part, name, value in (
            ("podMonitors", "interval", "15s"),
            ("podMonitors", "labels", {"release": "prometheus"}),
        )
    },
    "monitoring.rules.enabled": ({"monitoring": {"rules": _RULES}}, None),
    **{
        f"monitoring.rules.{name}": (
            {"monitoring": {"rules": {**_RULES, name: value}}},
            {"monitoring": {"rules": _RULES}},
        )
        for name, value in (
            ("labels", {"release": "prometheus"}),
            ("runbookUrl", "https://wiki.example/runbook"),
            ("availabilityPercent", 99.5),
            ("latencyPercent", 95),
            ("latencySeconds", 0.5),
            ("driftIndex", 0.5),
        )
    },
    "monitoring.dashboard.labels.grafana_dashboard": (
        {"monitoring": {"dashboard": {"enabled": True, "labels": {"grafana_dashboard": "yes"}}}},
        {"monitoring": {"dashboard": {"enabled": True}}},
    ),
    **{
        f"gateway.autoscaling.{name}": (
            {"gateway": {"autoscaling": {"enabled": True, name: value}}},
            {"gateway": {"autoscaling": {"enabled": True}}},
        )
        for name, value in (("minReplicas", 3), ("maxReplicas", 9), ("cpuPercent", 50))
    },
    **{
        f"gateway.serviceKey.{name}": (
            {"gateway": {"serviceKey": {**_SERVICE_KEY, name: "other"}}},
            {"gateway": {"serviceKey": _SERVICE_KEY}},
        )
        for name in _SERVICE_KEY
    },
    **{
        f"networkPolicy.{path}": (
            {"networkPolicy": {"enabled": True, **nested(tuple(path.split(".")), value)}},
            {"networkPolicy": {"enabled": True}},
        )
        for path, value in (
            ("ingressFrom", [_PEER]),
            ("monitoringFrom", [_PEER]),
            ("apiServer.cidrs", ["10.96.0.1/32"]),
            ("apiServer.ports", [8443]),
            ("gatewayTo", [_MIRROR]),
            ("predictorTo", [_MIRROR]),
            ("operatorTo", [_MIRROR]),
        )
    },
    **{
        f"httpRoute.{name}": (
            {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], name: value}},
            {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}},
        )
        for name, value in (("parentRefs", [{"name": "other"}]), ("hostnames", ["aidpo.example.vn"]))
    },
    "httpRoute.enabled": ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}, None),
    "models.serving.podDisruptionBudgets": (
        {"models": {"serving": {**_SEVERAL, "podDisruptionBudgets": False}}},
        {"models": {"serving": _SEVERAL}},
    ),
    **{
        f"models.conversion.gate.{name}": (
            {"models": {"conversion": {"quantization": "int8", "gate": {name: 0.5}}}},
            {"models": {"conversion": {"quantization": "int8"}}},
        )
        for name in ("minAgreement", "maxFlipMargin")
    },
    "hub.endpoint": ({"hub": {"endpoint": "http://mirror"}}, None),
    "redis.caConfigMap": (
        {"redis": {"enabled": False, "existingSecret": "mine", "caConfigMap": "authority"}},
        {"redis": {"enabled": False, "existingSecret": "mine"}},
    ),
    "redis.existingSecret": (
        {"redis": {"enabled": False, "existingSecret": "mine"}},
        {"redis": {"enabled": False, "existingSecret": "other"}},
    ),
    "postgresql.existingSecret": (
        {"postgresql": {"enabled": False, "existingSecret": "mine"}},
        {"postgresql": {"enabled": False, "existingSecret": "other"}},
    ),
    "postgresql.enabled": ({"postgresql": {"enabled": False}, "gateway": {"replicas": 1}}, None),
    "redis.enabled": ({"redis": {"enabled": False}, "gateway": {"replicas": 1}}, None),
    "demoHub.rate": ({"demoHub": {"enabled": True, "rate": 9}}, {"demoHub": {"enabled": True}}),
    "ingress.enabled": ({"ingress": {"enabled": False}}, None),
}


def other(value: Any) -> Any:
    """Return a value of the same type that differs."""
    if isinstance(value, str):
        if value == "INFO":
            return "DEBUG"
        return "77Mi" if value.endswith(("m", "Mi", "Gi")) or value.isdigit() else "sha256:" + "0" * 64
    by_type = {bool: lambda: not value, int: lambda: value + 1, dict: lambda: {"example": "value"}}
    return by_type.get(type(value), lambda: [{"key": "example"}])()


def steady(values: str) -> str:
    """Return what helm renders of values in JSON, without what it makes at random."""
    text = helm("template", "veriaidpo", str(CHART), "--values", "-", stdin=values)
    text = re.sub(r'"-----BEGIN.*?-----END[^"]*"', "PEM", text, flags=re.DOTALL)
    return re.sub(r"\b[A-Za-z0-9]{32}(?:[A-Za-z0-9]{16})?\b(?!@?[0-9a-f]{16})", "RANDOM", text)


def changed_and_not(path: tuple[str, ...], value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return values that differ in one, in surroundings in which it shows."""
    name = ".".join(path)
    if name in BESIDE:
        changed, unchanged = BESIDE[name]
        return changed, unchanged or {}
    changed, unchanged = nested(path, OTHER_VALUES.get(name, other(value))), {}
    if path[0] == "demoHub" and path[1] != "enabled":
        changed["demoHub"]["enabled"] = True
        unchanged = {"demoHub": {"enabled": True}}
    return changed, unchanged


def test_the_same_values_render_the_same() -> None:
    assert steady("{}") == steady("{}")


def test_every_value_changes_what_is_rendered() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    pairs = {path: changed_and_not(path, reduce(getitem, path, values)) for path in leaves(values)}
    wanted = sorted({json.dumps(one) for pair in pairs.values() for one in pair})
    with ThreadPoolExecutor(4) as threads:
        rendered = dict(zip(wanted, threads.map(steady, wanted), strict=True))
    same = [
        ".".join(path)
        for path, (changed, unchanged) in pairs.items()
        if rendered[json.dumps(changed)] == rendered[json.dumps(unchanged)]
    ]
    assert same == [], "these values have no effect"


def test_every_value_is_explained_and_has_a_type() -> None:
    told = list(render_values.values())
    assert {one.path for one in told if one.kind} >= {("gateway", "replicas"), ("gateway", "resources")}
    assert render_values.undescribed() == []
    assert [one.path for one in told if one.kind == "any"] == []


def test_the_readme_of_the_chart_has_every_value() -> None:
    assert render_values.page() == (CHART / "README.md").read_text()


def test_a_comment_is_of_the_key_below_it_and_of_no_other() -> None:
    text = "# Of a.\na:\n  # Of b,\n  # still.\n  b: 1\n\n  c: 2\n# Of nobody.\n\nd: 3\n"
    assert render_values.comments(text) == {("a",): "Of a.", ("a", "b"): "Of b, still."}
