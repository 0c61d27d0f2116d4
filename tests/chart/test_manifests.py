"""What kubectl, Argo CD and Flux are given: it is the chart's, whole, and names nothing that is not there."""

import re
from pathlib import Path
from typing import Any

import outside_of_helm
import yaml

from .conftest import CHART, REPO, helm

INSTALL = REPO / "manifests/install"
GITOPS = REPO / "manifests/gitops"
CLUSTERS_OWN = {"kube-root-ca.crt"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


def named(kind: str) -> dict[str, Any]:
    (found,) = (item for path in GITOPS.iterdir() for item in documents(path) if item["kind"] == kind)
    return dict(found)


def test_the_kustomization_has_every_file_that_is_rendered() -> None:
    (kustomization,) = documents(INSTALL / "kustomization.yaml")
    files = {path.name for path in INSTALL.iterdir()} - {"kustomization.yaml", "values.yaml"}
    assert set(kustomization["resources"]) == files
    assert kustomization["namespace"] == "veriaidpo"


def test_it_holds_no_secret_and_says_which_are_to_be_brought() -> None:
    objects = documents(INSTALL / "veriaidpo.yaml")
    assert "Secret" not in {item["kind"] for item in objects}
    made = {item["metadata"]["name"] for item in objects if item["kind"] == "ConfigMap"}
    pods = [item["spec"]["template"]["spec"] for item in objects if item["kind"] == "Deployment"]
    sources = [source for pod in pods for volume in pod["volumes"] for source in parts(volume)]
    secrets = {
        one["secret"].get("secretName", one["secret"].get("name")) for one in sources if "secret" in one
    }
    maps = {one["configMap"]["name"] for one in sources if "configMap" in one} - made - CLUSTERS_OWN
    said = re.findall(
        r"(?:existingSecret|trustConfigMap): (\S+) +# \S", (INSTALL / "values.yaml").read_text()
    )
    assert secrets | maps <= set(said)
    assert secrets


def parts(volume: dict[str, Any]) -> list[dict[str, Any]]:
    return [volume, *volume.get("projected", {}).get("sources", [])]


def test_nothing_in_it_says_that_helm_has_it() -> None:
    text = (INSTALL / "veriaidpo.yaml").read_text()
    assert "helm.sh/" not in text
    assert "managed-by: Helm" not in text


def test_what_the_operator_manages_keeps_its_label() -> None:
    label = "app.kubernetes.io/managed-by"
    item = {"labels": {label: "Helm", "helm.sh/chart": "a"}, "selector": [{label: "veriaidpo-operator"}]}
    assert outside_of_helm.without_helm(item) == {"labels": {}, "selector": [{label: "veriaidpo-operator"}]}


def test_argo_cd_renders_the_chart_with_values_that_are_there(tmp_path: Path) -> None:
    source = named("Application")["spec"]["source"]
    assert REPO / source["path"] == CHART
    files = [(CHART / path).resolve() for path in source["helm"]["valueFiles"]]
    assert files == [INSTALL / "values.yaml"]
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(source["helm"]["valuesObject"]))
    flags = [flag for path in (*files, own) for flag in ("--values", str(path))]
    rendered = helm("template", source["helm"]["releaseName"], str(CHART), *flags)
    assert source["helm"]["valuesObject"]["ingress"]["host"] in rendered
    assert "kind: Secret" not in rendered


def test_argo_cd_leaves_the_autoscalers_number_alone() -> None:
    (ignored,) = named("Application")["spec"]["ignoreDifferences"]
    deployments = {
        i["metadata"]["name"] for i in documents(INSTALL / "veriaidpo.yaml") if i["kind"] == "Deployment"
    }
    assert ignored["name"] in deployments
    assert ignored["jsonPointers"] == ["/spec/replicas"]


def test_flux_applies_the_definition_and_then_the_kustomization() -> None:
    first, then = (
        item["spec"] for item in documents(GITOPS / "flux.yaml") if item["kind"] == "Kustomization"
    )
    repository = {"kind": "GitRepository", "name": named("GitRepository")["metadata"]["name"]}
    assert [first["sourceRef"], then["sourceRef"]] == [repository, repository]
    assert (REPO / first["path"]).resolve() == CHART / "crds"
    assert first["prune"] is False, "with the definition all Models would go"
    assert then["dependsOn"] == [{"name": "veriaidpo-definition"}]
    assert (REPO / then["path"]).resolve() == INSTALL
    there = {(i["kind"], i["metadata"]["name"]) for i in documents(INSTALL / "veriaidpo.yaml")}
    assert {(one["kind"], one["name"]) for one in then["healthChecks"]} <= there
