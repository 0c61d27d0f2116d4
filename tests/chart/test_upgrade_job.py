"""The definition of Models is brought up to date before an upgrade, by a Job that can do nothing else."""

from typing import Any

import yaml

from .conftest import CHART, kinds, render


def hooks(*settings: str) -> list[dict[str, Any]]:
    hook = "helm.sh/hook"
    return [i for i in render(*settings) if i["metadata"].get("annotations", {}).get(hook) == "pre-upgrade"]


def test_it_has_an_account_a_right_and_the_definition_before_it_runs() -> None:
    weights = {item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in hooks()}
    assert set(weights) == {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "Job"}
    assert weights.pop("Job") > max(weights.values())


def test_nothing_of_it_stays() -> None:
    for item in hooks():
        policy = item["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert policy == "before-hook-creation,hook-succeeded", item["kind"]


def test_it_applies_the_definition_that_the_chart_has() -> None:
    (file,) = kinds(hooks(), "ConfigMap")
    shipped = yaml.safe_load((CHART / "crds/models.yaml").read_text())
    assert yaml.safe_load(file["data"]["models.yaml"]) == shipped
    (job,) = kinds(hooks(), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["crd", "apply", "/etc/veriaidpo/crd/models.yaml"]


def test_it_does_not_try_for_ever() -> None:
    (job,) = kinds(hooks(), "Job")
    assert job["spec"]["backoffLimit"] <= 3
    assert job["spec"]["activeDeadlineSeconds"] <= 120


def test_where_an_administrator_does_it_there_is_no_job() -> None:
    assert hooks("crds.upgrade=false") == []
