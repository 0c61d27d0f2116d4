"""What users add to the pods of the chart, and to the release."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import CHART, SHAPES, RenderError, kinds, pods, render

TEMPLATES = CHART / "templates"
PARTS = ("gateway", "operator")
ONLY_SOMETIMES = {
    "gateway": ("JWKS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "DATABASE_URL", "ROUTES_FILE", "PORT"),
    "operator": ("SOURCE_HTTPS_PROXY", "HUB_TOKEN_SECRET", "METRICS_PORT"),
}
"""Not among those of a plain installation."""

MORE: dict[str, Any] = {
    "podAnnotations": {"sidecar.istio.io/inject": "false"},
    "extraEnv": [
        {"name": "SSL_CERT_FILE", "value": "/etc/authority/ca.crt"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/authority", "readOnly": True}],
}


WHERE: dict[str, Any] = {
    "nodeSelector": {"pool": "services"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}
RUNS_WITH = {
    "gateway": {"veriaidpo-gateway", "veriaidpo-test"},
    "operator": {"veriaidpo-operator", "veriaidpo-crd-upgrade"},
    "redis": {"veriaidpo-redis"},
    "postgresql": {"veriaidpo-postgresql"},
    "demoHub": {"veriaidpo-hub"},
}
"""The pods that run where a part of the values says."""


def rendered(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    text = yaml.safe_dump(values)
    file = folder / f"{hash(text)}.yaml"  # what was rendered of a file is kept by its name
    file.write_text(text)
    return render(values=file)


def template_of(part: str, objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (one for one in kinds(objects, "Deployment") if one["metadata"]["name"] == f"veriaidpo-{part}")
    template: dict[str, Any] = found["spec"]["template"]
    return template


@pytest.mark.parametrize("part", PARTS)
def test_pods_have_it_beside_what_the_chart_gives_them(part: str, tmp_path: Path) -> None:
    without, changed = template_of(part, render()), template_of(part, rendered(tmp_path, {part: MORE}))
    assert changed["metadata"] == {**without["metadata"], "annotations": MORE["podAnnotations"]}
    (before,), (after,) = without["spec"]["containers"], changed["spec"]["containers"]
    assert after["env"] == [*before["env"], *MORE["extraEnv"]]
    assert after["volumeMounts"] == [*before["volumeMounts"], *MORE["extraVolumeMounts"]]
    assert changed["spec"]["volumes"] == [*without["spec"]["volumes"], *MORE["extraVolumes"]]


def test_every_pod_of_the_chart_has_its_nodes(tmp_path: Path, demo: list[dict[str, Any]]) -> None:
    assert {name for name, _ in pods(demo)} == set().union(*RUNS_WITH.values())
    for part, names in RUNS_WITH.items():
        values: dict[str, Any] = {"demoHub": {"enabled": True}}
        values.setdefault(part, {}).update(WHERE)
        changed = rendered(tmp_path, values)
        there = {name for name, pod in pods(changed) if WHERE.items() <= pod.items()}
        assert there == names, part
        assert {name for name, pod in pods(changed) if WHERE.keys() & pod.keys()} == names, part


def test_a_pod_that_comes_and_goes_need_not_keep_away_from_those_it_runs_beside(tmp_path: Path) -> None:
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}
    affinity = {**WHERE["affinity"], **apart}
    changed = rendered(tmp_path, {part: {"affinity": affinity} for part in PARTS})
    found = {name: pod.get("affinity") for name, pod in pods(changed)}
    assert [found[f"veriaidpo-{part}"] for part in PARTS] == [affinity, affinity]
    assert [found[f"veriaidpo-{one}"] for one in ("crd-upgrade", "test")] == [WHERE["affinity"]] * 2


@pytest.mark.parametrize("part", ["gateway", "operator", "redis", "postgresql"])
def test_annotations_that_are_not_there_are_none(part: str) -> None:
    assert annotations(render(f"{part}.podAnnotations=null")) == annotations(render())


def test_redis_starts_anew_for_its_settings_whatever_its_annotations_are(tmp_path: Path) -> None:
    values = {"redis": {"podAnnotations": {"checksum/settings": "mine"}}}
    assert annotations(rendered(tmp_path, values)) == annotations(render())


@pytest.mark.parametrize("part", ["redis", "postgresql", "demoHub"])
def test_the_other_pods_have_annotations_too(part: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"demoHub": {"enabled": True}}
    before = annotations(rendered(tmp_path, values))
    values.setdefault(part, {})["podAnnotations"] = MORE["podAnnotations"]
    after = annotations(rendered(tmp_path, values))
    (name,) = RUNS_WITH[part]
    assert after == before | {name: before[name] | MORE["podAnnotations"]}


def annotations(objects: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return those of the pods of each Deployment and StatefulSet."""
    made = kinds(objects, "Deployment") + kinds(objects, "StatefulSet")
    return {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"].get("annotations", {}) for one in made
    }


@pytest.mark.parametrize("part", PARTS)
def test_what_the_chart_sets_itself_is_set_by_its_value(part: str) -> None:
    (container,) = template_of(part, render())["spec"]["containers"]
    for name in (container["env"][0]["name"], "LOG_LEVEL", *ONLY_SOMETIMES[part]):
        with pytest.raises(RenderError, match=rf"{part}\.extraEnv has {name}, which the chart sets itself"):
            render(f"{part}.extraEnv[0].name={name}", f"{part}.extraEnv[0].value=x")


@pytest.mark.parametrize("part", PARTS)
def test_whatever_the_chart_may_set_is_its_own(part: str) -> None:
    own, taken = (TEMPLATES / part / "_env.tpl").read_text().split(f'define "veriaidpo.{part}EnvNames"')
    names = set(re.findall(r"{name: ([A-Z_]+),", own))
    assert len(names) > 20
    assert names <= set(re.findall(r"\b[A-Z_]{4,}\b", taken))


def test_a_variable_is_set_once() -> None:
    with pytest.raises(RenderError, match=r"gateway\.extraEnv has A, .* there twice"):
        render("gateway.extraEnv[0].name=A", "gateway.extraEnv[1].name=A")


def test_volumes_of_the_chart_are_its_own() -> None:
    own = {
        volume["name"]
        for values in [None, *SHAPES.values()]
        for part in PARTS
        for volume in template_of(part, render(values=values))["spec"]["volumes"]
    }
    assert own >= {"tmp", "keys", "records-spool"}
    for name in sorted(own):
        with pytest.raises(RenderError, match=r"gateway\W+extraVolumes"):
            render(f"gateway.extraVolumes[0].name={name}")


@pytest.mark.parametrize(
    "wrong",
    [
        "extraEnv[0].value=x",
        "extraEnv[0].nam=x",
        "extraEnv[0].name=A,gateway.extraEnv[0].value=x,gateway.extraEnv[0].valueFrom.a=b",
        "extraVolumes[0].emptyDir.medium=Memory",
        "extraVolumes[0].name=root,gateway.extraVolumes[0].hostPath.path=/",
        "extraVolumeMounts[0].name=x",
        "extraVolumeMounts[0].name=x,gateway.extraVolumeMounts[0].mountPath=/tmp",
        "extraVolumeMounts[0].name=x,gateway.extraVolumeMounts[0].mountPath=/etc/veriaidpo/keys",
        "podAnnotations.a[0]=x",
    ],
)
def test_what_the_api_server_would_refuse_is_refused_before(wrong: str) -> None:
    with pytest.raises(RenderError, match=r"gateway\W+(extra|podAnn)"):
        render(f"gateway.{wrong}")


@pytest.mark.parametrize("wrong", ["foo", "extraObjects[0].kind=ConfigMap"])
def test_what_is_no_object_is_refused(wrong: str) -> None:
    with pytest.raises(RenderError, match="extraObjects"):
        render(wrong if "=" in wrong else f"extraObjects[0]={wrong}")


def test_objects_of_ones_own_are_manifests_or_templates(tmp_path: Path) -> None:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-told'}\n"
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "said"}, "data": {"a": "{{ b }}"}}
    objects = rendered(tmp_path, {"extraObjects": [json.loads(json.dumps(plain)), template]})
    added = [one for one in objects if one not in render()]
    names = {one["metadata"]["name"]: one for one in kinds(added, "ConfigMap")}
    assert names["said"] == plain
    assert "veriaidpo-told" in names
