"""What a person sets: misspelt, impossible and possible values."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, cast

import pytest
import render_values
import yaml

from .conftest import CHART, REPO, RenderError, helm, render


def test_a_misspelt_key_is_refused_by_name() -> None:
    with pytest.raises(RenderError, match="gatway"):
        render("gatway.replicas=3")


def test_a_misspelt_key_deep_inside_is_refused_too() -> None:
    with pytest.raises(RenderError, match="reclaimPolcy"):
        render("models.storage.reclaimPolcy=Delete")


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (["redis.existingSecret=mine"], "set redis.enabled=false"),
        (["redis.enabled=false"], "set gateway.replicas=1"),
        (["postgresql.existingSecret=mine"], "set postgresql.enabled=false"),
        (["postgresql.enabled=false"], "set gateway.replicas=1"),
        (["demoHub.enabled=true", "hub.endpoint=http://mirror"], "set only one of them"),
        (["gateway.jwt.algorithms={RS256}"], "gateway.jwt.jwksUrl or gateway.jwt.jwksConfigMap"),
        (["gateway.jwt.jwksUrl=https://idp/keys"], "name them in gateway.jwt.algorithms"),
        (
            ["gateway.jwt.algorithms={ES256}", "gateway.jwt.jwksUrl=http://idp/keys"],
            "gateway.jwt.jwksAllowHttp=true",
        ),
        (
            [
                "gateway.jwt.algorithms={ES256}",
                "gateway.jwt.jwksUrl=https://i/k",
                "gateway.jwt.jwksConfigMap=k",
            ],
            "set only one of them",
        ),
        (
            ["gateway.limits.plans.small.userRequests=1", "gateway.limits.tenants.t1=large"],
            "which has: small",
        ),
        (["models.serving.minReplicas=3"], "raise the latter"),
        (["gateway.autoscaling.enabled=true", "gateway.autoscaling.minReplicas=7"], "raise the latter"),
        (
            ["gateway.autoscaling.enabled=true", "gateway.resources.requests.cpu=null"],
            "set gateway.resources.requests.cpu",
        ),
        (["gateway.autoscaling.enabled=true", "redis.enabled=false"], "set redis.enabled=true"),
        (["gateway.serviceKey.existingSecret=mine"], "set both, or neither"),
        (["gateway.serviceKey.trustConfigMap=mine"], "set both, or neither"),
        (["ingress.certManager.issuer=a", "ingress.certManager.clusterIssuer=b"], "set only one of them"),
        (["httpRoute.enabled=true"], "name it in httpRoute.parentRefs"),
        (
            ["networkPolicy.enabled=true", "redis.enabled=false", "redis.existingSecret=mine"],
            "in networkPolicy.gatewayTo",
        ),
        (
            [
                "networkPolicy.enabled=true",
                "tracing.endpoint=http://collector:4318",
                "networkPolicy.gatewayTo[0].to[0].ipBlock.cidr=10.1.0.0/24",
                "networkPolicy.gatewayTo[0].ports[0].port=4318",
            ],
            "in networkPolicy.predictorTo",
        ),
        (["networkPolicy.enabled=true", "sources.hostsInside={minio}"], "say in sources.networkPolicy.also"),
        (
            ["models.storage.accessModes={ReadWriteOncePod}", "models.serving.maxReplicas=2"],
            "set ReadWriteMany, or models.serving.maxReplicas=1",
        ),
        (["models.disabled={principles-xx}"], "principles-vi, legal-basis-vi"),
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out(settings: list[str], advice: str) -> None:
    with pytest.raises(RenderError, match=advice):
        render(*settings)


@pytest.mark.parametrize(
    "setting",
    [
        "sources.hosts={https://x}",
        "sources.hosts={a*b}",
        "sources.schemes={file}",
        "sources.httpsProxy=http://user:secret@proxy",
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(setting: str) -> None:
    with pytest.raises(RenderError, match="sources"):
        render(setting)


def told(component: str, *settings: str) -> dict[str, str]:
    """Return the plain variables of a component's container."""
    (deployment,) = (
        item
        for item in render(*settings)
        if item["kind"] == "Deployment" and item["metadata"]["name"] == f"veriaidpo-{component}"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_where_models_may_come_from_reaches_the_operator_also_when_it_is_nowhere() -> None:
    assert "huggingface.co" in told("operator")["SOURCE_HOSTS"].split(",")
    assert told("operator")["SOURCE_HOSTS_INSIDE"] == ""
    assert told("operator", "sources.hosts=null")["SOURCE_HOSTS"] == ""
    inside = told("operator", "sources.hostsInside={minio.storage.svc}", "sources.caConfigMap=ca")
    assert (inside["SOURCE_HOSTS_INSIDE"], inside["SOURCE_CA_CONFIGMAP"]) == ("minio.storage.svc", "ca")


def test_a_collector_reaches_the_gateway_and_by_the_operator_the_predictors() -> None:
    assert not {name for name in told("gateway") | told("operator") if "TRACE" in name or "OTEL" in name}
    given = (
        "tracing.endpoint=https://collector:4318",
        "tracing.samplingRatio=0.05",
        "tracing.trustedCidrs={10.42.0.0/16,fd00::/8}",
    )
    gateway, operator = told("gateway", *given), told("operator", *given)
    assert gateway["OTEL_EXPORTER_OTLP_ENDPOINT"] == operator["TRACES_ENDPOINT"] == "https://collector:4318"
    assert gateway["OTEL_TRACES_SAMPLER_ARG"] == operator["TRACES_RATIO"] == "0.05"
    assert gateway["TRACE_TRUSTED_CIDRS"] == "10.42.0.0/16,fd00::/8"


@pytest.mark.parametrize(
    "setting",
    [
        "endpoint=collector:4318",
        "endpoint=http://user:secret@collector:4318",
        "samplingRatio=7",
        "trustedCidrs={everybody}",
    ],
)
def test_a_collector_that_cannot_be_meant_is_refused(setting: str) -> None:
    with pytest.raises(RenderError, match="tracing"):
        render(f"tracing.{setting}")


def test_a_gateway_that_is_told_to_stop_is_left_time_for_its_last_request_and_trace(
    demo: list[dict[str, Any]],
) -> None:
    def seconds(module: str, name: str) -> float:
        said = re.search(rf"^{name} = ([0-9.]+)$", (REPO / module).read_text(), re.MULTILINE)
        assert said is not None
        return float(said[1])

    (pod,) = (
        item["spec"]["template"]["spec"]
        for item in demo
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "veriaidpo-gateway"
    )
    door = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    requests = seconds("gateway/veriaidpo_gateway/server.py", "GRACE")
    traces = seconds("gateway/veriaidpo_gateway/collector.py", "_CLOSE_SECONDS")
    assert pod["terminationGracePeriodSeconds"] >= door + requests + traces + 3


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_operator_speaks_the_language_that_is_set(language: str) -> None:
    assert told("operator", f"operator.language={language}")["MESSAGE_LANGUAGE"] == language


def test_a_language_there_are_no_sentences_in_is_refused() -> None:
    with pytest.raises(RenderError, match=r"operator\Wlanguage"):
        render("operator.language=fr")


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
    "models.storage.claimName": "nfs",
    "models.storage.accessModes": ["ReadWriteMany"],
    "models.serving.placement": "shared",
    "models.storage.reclaimPolicy": "Delete",
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
    "gateway.spread.nodes": "DoNotSchedule",
    "gateway.spread.zones": "DoNotSchedule",
    "ingress.controller": "nginx",
}
_MIRROR = {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 443}]}
_PEER = {"namespaceSelector": {"matchLabels": {"team": "web"}}}
_SERVICE_KEY = {"existingSecret": "key", "trustConfigMap": "certificate"}
_SEVERAL = {"minReplicas": 2, "maxReplicas": 2}
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
            ("rules", "labels", {"release": "prometheus"}),
            ("rules", "runbookUrl", "https://wiki.example/alerts"),
            ("rules", "availabilityPercent", 99.5),
            ("rules", "latencyPercent", 95),
            ("rules", "latencySeconds", 0.5),
            ("rules", "driftIndex", 0.5),
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
    "hub.endpoint": ({"hub": {"endpoint": "http://mirror"}}, None),
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


@pytest.mark.parametrize(
    "limit", ["userCharacters=3999", "userRequests=-1", "plans.a.userCharacters=1", "tenants.a b=c"]
)
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    # Of a name that is wrong, helm says the name and not the right place.
    with pytest.raises(RenderError, match=r"limits|propertyName 'a b'"):
        render(f"gateway.limits.{limit}")


def test_plans_reach_the_gateway_as_it_reads_them() -> None:
    objects = render("gateway.limits.plans.large.userRequests=500000", "gateway.limits.tenants.cty-x=large")
    (file,) = (
        item["data"]
        for item in objects
        if item["kind"] == "ConfigMap" and "plans" in item["metadata"]["name"]
    )
    assert json.loads(file["plans.json"]) == {
        "plans": {"large": {"userRequests": 500_000}},
        "tenants": {"cty-x": "large"},
    }


def test_names_stay_short_enough_for_a_long_release() -> None:
    release = "a" * 53
    for item in render("demoHub.enabled=true", release=release):
        # A StatefulSet's name, with a hash, is a label too.
        most = 52 if item["kind"] == "StatefulSet" else 63
        if item["kind"] != "Model":
            assert len(item["metadata"]["name"]) <= most, item["metadata"]["name"]


def test_a_database_of_ones_own_is_all_the_gateway_is_shown() -> None:
    objects = render("postgresql.enabled=false", "postgresql.existingSecret=mine")
    assert not [item for item in objects if "postgresql" in item["metadata"]["name"]]
    [gateway] = [
        item["spec"]["template"]["spec"]
        for item in objects
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "veriaidpo-gateway"
    ]
    [volume] = [volume for volume in gateway["volumes"] if volume["name"] == "database"]
    assert volume["secret"]["secretName"] == "mine"
    assert volume["secret"]["items"] == [{"key": "database-url", "path": "database-url"}]


def test_the_database_that_is_brought_is_the_one_the_gateway_is_told_of() -> None:
    objects = {(item["kind"], item["metadata"]["name"]): item for item in render()}
    secret = objects["Secret", "veriaidpo-postgresql"]["stringData"]
    [port] = objects["Service", "veriaidpo-postgresql"]["spec"]["ports"]
    expected = (
        f"postgresql://veriaidpo:{secret['postgres-password']}@veriaidpo-postgresql.aidpo.svc:{port['port']}"
    )
    assert secret["database-url"] == f"{expected}/postgres"
    # The volume stays when the release goes, and nothing else has its password.
    assert objects["Secret", "veriaidpo-postgresql"]["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep"
    }
    pod = objects["StatefulSet", "veriaidpo-postgresql"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert f"postgres:x:{pod['securityContext']['runAsUser']}:" in secret["passwd"]


def test_lint_has_nothing_to_say() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


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
