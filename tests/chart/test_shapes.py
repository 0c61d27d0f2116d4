"""The installations that are supported: what each of them promises."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import CHART, SHAPES, helm, kinds, pods, render, shape

_UNITS = {"Gi": 2**30, "Mi": 2**20, "m": Decimal("0.001"), "": 1}


def amount(quantity: str) -> Decimal:
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity))
    assert found is not None, quantity
    return Decimal(found[1]) * _UNITS[found[2]]


def test_there_are_five() -> None:
    assert set(SHAPES) == {"dev", "staging", "production", "minimal", "restricted"}


def test_every_template_is_a_part_of_some_shape() -> None:
    rendered = "".join(helm("template", "a", str(CHART), "--values", str(path)) for path in SHAPES.values())
    sources = set(re.findall(r"^# Source: veriaidpo/templates/(\S+)", rendered, re.MULTILINE))
    there = {str(path.relative_to(CHART / "templates")) for path in (CHART / "templates").rglob("*.yaml")}
    # Of the Gateway API a cluster has its own; refusals are no objects, and users' own are theirs.
    assert there - sources == {"requirements.yaml", "gateway/httproute.yaml", "extra.yaml"}


SUITES = {
    "extra.yaml": "test_extensions",
    "gateway/availability.yaml": "test_availability",
    "gateway/deployment.yaml": "test_availability test_values test_security",
    "gateway/httproute.yaml": "test_ways_in",
    "gateway/ingress.yaml": "test_ways_in",
    "gateway/keys.yaml": "test_keys",
    "gateway/plans.yaml": "test_values",
    "gateway/rbac.yaml": "test_rights",
    "gateway/service.yaml": "test_security",
    "hooks/crd-upgrade.yaml": "test_upgrade_job",
    "hub/deployment.yaml": "test_security test_network",
    "models/budgets.yaml": "test_availability",
    "models/claim.yaml": "test_shared_placement",
    "models/models.yaml": "test_catalogue test_shared_placement",
    "models/roles.yaml": "test_security",
    "monitoring/dashboard.yaml": "test_monitoring",
    "monitoring/podmonitors.yaml": "test_monitoring",
    "monitoring/rules.yaml": "test_monitoring",
    "network/policies.yaml": "test_network",
    "operator/deployment.yaml": "test_values",
    "operator/fetch-egress.yaml": "test_security",
    "operator/rbac.yaml": "test_rights",
    "postgresql/postgresql.yaml": "test_stores",
    "redis/redis.yaml": "test_stores",
    "requirements.yaml": "test_values",
    "tests/gateway.yaml": "test_helm_test",
}
"""Where what a template promises is tested."""


def test_every_template_has_a_suite() -> None:
    assert sorted(SUITES) == sorted(
        str(path.relative_to(CHART / "templates")) for path in (CHART / "templates").rglob("*.yaml")
    )
    there = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert {name for names in SUITES.values() for name in names.split()} <= there


def test_limits_and_requests_are_set_on_every_container(installation: list[dict[str, Any]]) -> None:
    for name, pod in pods(installation):
        for container in pod["containers"]:
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name


def moving(objects: list[dict[str, Any]]) -> list[str]:
    """Give the images, of pods and of what the operator starts, whose name may be another image tomorrow."""
    containers = [container for _, pod in pods(objects) for container in pod["containers"]]
    named = [variable for container in containers for variable in container.get("env", [])]
    images = [container["image"] for container in containers]
    images += [one["value"] for one in named if one["name"].endswith("_IMAGE")]
    assert len(images) >= len(containers) + 3, "fetch, predictor, and predictor with torch"
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    return [image for image in images if "@sha256:" not in image and not image.endswith(f":{version}")]


BY_THEIR_MAJOR = {"redis:8", "postgres:17"}
"""What others publish, and mend, under the name of a major version, within which data stay readable.

values.yaml says how to hold them still.
"""


def test_no_image_moves_but_within_the_major_version_of_a_store(installation: list[dict[str, Any]]) -> None:
    assert set(moving(installation)) <= BY_THEIR_MAJOR


def test_a_digest_holds_an_image_still() -> None:
    assert set(moving(render())) == BY_THEIR_MAJOR
    digest = "sha256:" + "0" * 64
    assert moving(render(f"redis.image.digest={digest}", f"postgresql.image.digest={digest}")) == []
    assert set(moving(render("operator.fetchImage.tag=latest"))) - BY_THEIR_MAJOR == {
        "veriaidpo-fetch:latest"
    }


def test_minimal_fits_on_two_cores_and_four_gigabytes() -> None:
    objects = shape("minimal")
    workloads = [item for item in objects if item["kind"] in {"Deployment", "StatefulSet"}]
    assert {item["spec"]["replicas"] for item in workloads} == {1}
    assert {model["spec"]["serving"]["placement"] for model in kinds(objects, "Model")} == {"shared"}
    asked = [
        c["resources"]["requests"]
        for item in workloads
        for c in item["spec"]["template"]["spec"]["containers"]
    ]
    values = yaml.safe_load(SHAPES["minimal"].read_text())
    asked.append(values["operator"]["sharedPredictor"]["resources"]["requests"])
    asked.append({"cpu": "50m", "memory": "128Mi"})  # one fetch at a time, as the operator asks for it
    assert values["operator"]["maxDownloads"] == 1
    assert sum(amount(one["cpu"]) for one in asked) <= 1, "a node has its own pods too"
    assert sum(amount(one["memory"]) for one in asked) <= 2.5 * 10**9


INT8, PUBLISHED = 140 * 10**6, 540 * 10**6
"""Bytes of a model of 135 million parameters, about what it takes in memory."""


def test_minimal_has_memory_for_eleven_models_of_full_size() -> None:
    models = kinds(shape("minimal"), "Model")
    assert len(models) == 11
    assert {model["spec"]["conversion"]["quantization"] for model in models} == {"int8"}
    page = (Path(CHART).parents[1] / "docs/performance.md").read_text()
    (measured,) = re.findall(r"^\| one predictor \| 11 \| ([0-9]+) MB", page, re.MULTILINE)
    shared = yaml.safe_load(SHAPES["minimal"].read_text())["operator"]["sharedPredictor"]["resources"]
    used = int(measured) * 10**6
    assert amount(shared["requests"]["memory"]) >= used
    assert amount(shared["limits"]["memory"]) >= used + PUBLISHED - INT8, "one that the gate leaves as it is"


def test_minimal_has_a_volume_for_three_revisions_of_each_and_a_fetch() -> None:
    (claim,) = kinds(shape("minimal"), "PersistentVolumeClaim")
    size = amount(claim["spec"]["resources"]["requests"]["storage"])
    a_fetch = PUBLISHED + PUBLISHED + PUBLISHED // 2  # weights, their graph, int8 beside it
    assert size >= 11 * 3 * INT8 + a_fetch


def test_production_brings_no_store_and_makes_no_key() -> None:
    objects = shape("production")
    assert kinds(objects, "StatefulSet") == []
    assert kinds(objects, "Secret") == []
    assert not [item for item in objects if item["metadata"]["name"].endswith("-service-trust")]
    (gateway,) = (i for i in kinds(objects, "Deployment") if i["metadata"]["name"].endswith("-gateway"))
    secrets = {
        v["secret"]["secretName"] for v in gateway["spec"]["template"]["spec"]["volumes"] if "secret" in v
    }
    assert secrets == {"veriaidpo-keys", "veriaidpo-service-key", "veriaidpo-redis", "veriaidpo-database"}


def test_production_survives_the_loss_of_a_node() -> None:
    objects = shape("production")
    (scaler,) = kinds(objects, "HorizontalPodAutoscaler")
    assert scaler["spec"]["minReplicas"] >= 2
    names = {budget["metadata"]["name"] for budget in kinds(objects, "PodDisruptionBudget")}
    models = {model["metadata"]["name"] for model in kinds(objects, "Model")}
    assert names == {"veriaidpo-gateway"} | {f"veriaidpo-{name}" for name in models}
    for model in kinds(objects, "Model"):
        assert model["spec"]["serving"]["minReplicas"] >= 2
        assert model["spec"]["storage"]["create"]["accessModes"] == ["ReadWriteMany"]


def test_production_speaks_tls_and_is_watched() -> None:
    objects = shape("production")
    (ingress,) = kinds(objects, "Ingress")
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    assert {"PodMonitor", "PrometheusRule", "NetworkPolicy"} <= {item["kind"] for item in objects}


def test_restricted_has_nothing_of_the_cluster() -> None:
    for item in shape("restricted"):
        assert not item["kind"].startswith("Cluster"), item["metadata"]["name"]
        assert item["metadata"]["namespace"] == "aidpo", item["metadata"]["name"]
    others = [i for i in render() if i["kind"].startswith("Cluster")]
    assert others, "elsewhere there is something to leave out"


@pytest.mark.parametrize("name", SHAPES)
def test_every_secret_that_is_to_be_brought_is_said_with_its_keys(name: str) -> None:
    text = SHAPES[name].read_text()
    for line in re.findall(r"^.*existingSecret: .*$", text, re.MULTILINE):
        assert re.search(r"# [a-z.-]+(, [a-z.-]+)*$", line), line


def test_the_page_on_installing_names_every_shape() -> None:
    page = (Path(CHART).parents[1] / "docs/install.md").read_text()
    for path in SHAPES.values():
        assert path.name in page
