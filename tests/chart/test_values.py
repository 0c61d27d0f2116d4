"""What a person sets: misspelt, impossible and possible values."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import CHART, REPO, SHAPES, RenderError, helm, render, shape


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
        (
            ["records.existingSecret=k", "postgresql.enabled=false", "gateway.replicas=1"],
            "nothing is recorded",
        ),
        (["records.existingSecret=k", "records.enabled=false"], "set records.enabled=true"),
        (["gateway.replicas=11"], "gateway.autoscaling.maxReplicas to 10 at most"),
        (
            ["gateway.autoscaling.enabled=true", "gateway.autoscaling.maxReplicas=40"],
            "name one of your own by postgresql.existingSecret",
        ),
        (["redis.caConfigMap=authority"], "set redis.enabled=false with redis.existingSecret"),
        (["ingress.enabled=false", "ingress.tlsSecret=tls"], "set ingress.enabled=true"),
        (["ingress.enabled=false", "ingress.certManager.issuer=ca"], "set ingress.enabled=true"),
        (["hub.tokenSecret.name=token", "sources.schemes={s3}"], "add hf to it"),
        (["hub.endpoint=https://hub.example", "sources.schemes={s3}"], "add hf to it"),
        (["demoHub.enabled=true", "sources.schemes={https}"], "add hf to it"),
        (["monitoring.rules.enabled=true"], r"set monitoring.rules.runbookUrl to the http\(s\) address"),
        (
            ["monitoring.rules.enabled=true", "monitoring.rules.runbookUrl=docs/alerts.md"],
            "set monitoring.rules.runbookUrl",
        ),
        (
            ["models.scheduling.spread.nodes=DoNotSchedule", "models.serving.maxReplicas=2"],
            r"set models.storage.accessModes=\[ReadWriteMany\], or ScheduleAnyway",
        ),
        (["models.disabled={principles-xx}"], "principles-vi, legal-basis-vi"),
        (
            ["models.conversion.overrides.principles-xx.quantization=int8"],
            "models.conversion.overrides names .*principles-vi, legal-basis-vi",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out(settings: list[str], advice: str) -> None:
    with pytest.raises(RenderError, match=advice):
        render(*settings)


@pytest.mark.parametrize(
    "settings",
    [
        ["records.existingSecret=k"],
        ["records.existingSecret=k", "postgresql.enabled=false", "postgresql.existingSecret=d"],
        ["gateway.replicas=10"],
        ["gateway.replicas=40", "postgresql.enabled=false", "postgresql.existingSecret=d"],
        ["hub.tokenSecret.name=token", "sources.schemes={s3,hf}"],
        ["ingress.tlsSecret=tls"],
        ["monitoring.rules.runbookUrl=docs/alerts.md"],
    ],
)
def test_what_is_near_to_that_and_works_is_not_refused(settings: list[str]) -> None:
    assert render(*settings)


def test_so_many_gateways_as_are_let_through_fit_into_the_database() -> None:
    connecting = (REPO / "gateway/veriaidpo_gateway/database/connecting.py").read_text()
    found = re.search(r"^_CONNECTIONS = (\d+)$", connecting, re.MULTILINE)
    assert found is not None
    objects = {(item["kind"], item["metadata"]["name"]): item for item in render("gateway.replicas=10")}
    (database,) = objects["StatefulSet", "veriaidpo-postgresql"]["spec"]["template"]["spec"]["containers"]
    (most,) = (int(one.split("=")[1]) for one in database["args"] if one.startswith("max_connections="))
    gateways = objects["Deployment", "veriaidpo-gateway"]["spec"]
    pods = gateways["replicas"] + gateways["strategy"]["rollingUpdate"]["maxSurge"]
    # PostgreSQL keeps three for its own people; a backup takes one, a look into it another.
    assert pods * int(found[1]) + 3 + 2 <= most


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
    # A Secret may be shown to each of these hosts: nobody but the hub has a server below them.
    assert told("operator")["SOURCE_HOSTS"] == "huggingface.co,*.huggingface.co,*.hf.co"
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


def test_where_models_run_reaches_the_operator_as_it_reads_it() -> None:
    told_so = told("operator", "models.scheduling.nodeSelector.pool=models")
    assert json.loads(told_so["SCHEDULING"])["nodeSelector"] == {"pool": "models"}
    by_itself = json.loads(told("operator")["SCHEDULING"])
    assert by_itself == {
        "nodeSelector": {},
        "tolerations": [],
        "affinity": {},
        "priorityClassName": "",
        "spread": {"nodes": "ScheduleAnyway", "zones": "ScheduleAnyway"},
    }


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_operator_speaks_the_language_that_is_set(language: str) -> None:
    assert told("operator", f"operator.language={language}")["MESSAGE_LANGUAGE"] == language


def test_a_language_there_are_no_sentences_in_is_refused() -> None:
    with pytest.raises(RenderError, match=r"operator\Wlanguage"):
        render("operator.language=fr")


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


@pytest.mark.parametrize("name", ["default", *SHAPES])
def test_names_stay_short_enough_for_a_long_release(name: str) -> None:
    made = shape(name, release="a" * 53)
    assert {item["kind"] for item in made} == {item["kind"] for item in shape(name)}
    for item in made:
        # A StatefulSet's name, with a hash, is a label too.
        most = 52 if item["kind"] == "StatefulSet" else 63
        assert len(item["metadata"]["name"]) <= most, item["metadata"]["name"]
    for value in labelled(made):
        assert len(value) <= 63, value


def labelled(part: Any) -> Iterator[str]:
    """Give the value of each label, and of what is chosen by labels."""
    if isinstance(part, list):
        for one in part:
            yield from labelled(one)
    elif isinstance(part, dict):
        for key, one in part.items():
            if key in {"labels", "matchLabels"} and isinstance(one, dict):
                yield from map(str, one.values())
            else:
                yield from labelled(one)


def test_no_two_objects_have_one_name_where_names_are_cut() -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in shape("production", release="a" * 53)]
    assert len(names) == len(set(names))


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
