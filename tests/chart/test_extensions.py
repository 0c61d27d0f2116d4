"""What users add to the pods of gateways and operator, and to the release."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import RenderError, kinds, render

PARTS = ("gateway", "operator")
MORE: dict[str, Any] = {
    "podAnnotations": {"sidecar.istio.io/inject": "false"},
    "extraEnv": [
        {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/authority", "readOnly": True}],
}


def rendered(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
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


@pytest.mark.parametrize("part", PARTS)
def test_what_the_chart_sets_itself_is_set_by_its_value(part: str) -> None:
    (container,) = template_of(part, render())["spec"]["containers"]
    for name in (container["env"][0]["name"], "LOG_LEVEL"):
        with pytest.raises(RenderError, match=rf"{part}\.extraEnv has {name}, which the chart sets itself"):
            render(f"{part}.extraEnv[0].name={name}", f"{part}.extraEnv[0].value=x")


@pytest.mark.parametrize(
    "wrong",
    [
        "extraEnv[0].value=x",
        "extraEnv[0].nam=x",
        "extraVolumes[0].emptyDir.medium=Memory",
        "extraVolumeMounts[0].name=x",
        "podAnnotations.a[0]=x",
    ],
)
def test_what_the_api_server_would_refuse_is_refused_before(wrong: str) -> None:
    with pytest.raises(RenderError, match=r"gateway\W+(extra|podAnn)"):
        render(f"gateway.{wrong}")


def test_objects_of_ones_own_are_manifests_or_templates(tmp_path: Path) -> None:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-told'}\n"
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "said"}, "data": {"a": "{{ b }}"}}
    objects = rendered(tmp_path, {"extraObjects": [json.loads(json.dumps(plain)), template]})
    added = [one for one in objects if one not in render()]
    names = {one["metadata"]["name"]: one for one in kinds(added, "ConfigMap")}
    assert names["said"] == plain
    assert "veriaidpo-told" in names
