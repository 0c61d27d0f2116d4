"""What of an installation's objects a backup keeps, and that the scripts know the chart's names."""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import brought_back
import kept
import kubernetes_validate
import pytest
import unpack_models

from .conftest import REPO, kinds, render

CLAIM: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {
        "name": "legal-basis-vi-model",
        "namespace": "aidpo",
        "uid": "1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"veriaidpo.verisyntra.vn/model": "legal-basis-vi"},
        "annotations": {"pv.kubernetes.io/bind-completed": "yes", "team": "aidpo"},
        "finalizers": ["kubernetes.io/pvc-protection"],
        "ownerReferences": [{"uid": "2"}],
    },
    "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "pv-1"},
    "status": {"phase": "Bound"},
}


def a_list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "List", "items": list(items)}


def pod(name: str, claim: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": claim}}, {"name": "tmp"}]
        },
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_a_claim_is_kept_so_that_the_operator_knows_it_and_any_volume_will_do() -> None:
    (claim,) = kept.claims(a_list(CLAIM))["items"]
    assert claim == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "legal-basis-vi-model",
            "labels": {"veriaidpo.verisyntra.vn/model": "legal-basis-vi"},
            "annotations": {"team": "aidpo"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"]},
    }


HELMS = {"app.kubernetes.io/managed-by": "Helm"}


def model(
    name: str, spec: dict[str, Any], *, labels: dict[str, str] | None = None, servable: str = "True"
) -> dict[str, Any]:
    status = {"conditions": [{"type": "Servable", "status": servable}]}
    metadata: dict[str, Any] = {"name": name} | ({"labels": labels} if labels else {})
    return {"kind": "Model", "metadata": metadata, "spec": spec, "status": status}


def test_what_was_helms_is_helms_in_whichever_namespace_it_comes_back() -> None:
    annotations = {"meta.helm.sh/release-name": "veriaidpo", "meta.helm.sh/release-namespace": "of-before"}
    secret = {
        "kind": "Secret",
        "metadata": {
            "name": "a",
            "uid": "1",
            "labels": {**HELMS, "helm.sh/chart": "veriaidpo-0.0.9"},
            "annotations": annotations,
        },
        "data": {"jwt-secret-key": "eA=="},
    }
    (got,) = kept.objects(a_list(secret))["items"]
    assert brought_back.moved(got, "another") == {
        "kind": "Secret",
        "metadata": {
            "name": "a",
            "labels": HELMS,
            "annotations": {**annotations, "meta.helm.sh/release-namespace": "another"},
        },
        "data": secret["data"],
    }


def test_what_somebody_else_made_stays_as_it_is() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "a", "labels": {"team": "aidpo"}}, "data": {}}
    assert brought_back.moved(secret, "another") == secret


def test_a_claim_that_was_not_the_products_to_make_is_not_made() -> None:
    claims = kept.claims(a_list(CLAIM))
    found = brought_back.claim(claims, "legal-basis-vi-model", "another")
    assert found is not None
    assert found["kind"] == "PersistentVolumeClaim"
    assert brought_back.claim(claims, "nfs", "another") is None


def test_models_of_the_catalogue_come_back_with_the_chart_and_others_from_the_backup() -> None:
    shipped, own = model("a", {}, labels=HELMS), model("b", {"language": "vi"})
    assert kept.by_hand(a_list(shipped, own))["items"] == [
        {"kind": "Model", "spec": {"language": "vi"}, "metadata": {"name": "b"}}
    ]


def test_pins_are_put_on_models_of_the_catalogue_again() -> None:
    pinned = model("a", {"pinnedRevision": "3f1c0a9be2d4", "suspend": False, "language": "vi"}, labels=HELMS)
    held = kept.held(a_list(pinned, model("b", {"pinnedRevision": "7"}), model("c", {}, labels=HELMS)))
    assert held == {"at once": {"a": {"pinnedRevision": "3f1c0a9be2d4"}}, "when servable": []}
    assert list(brought_back.patches(held["at once"])) == [
        ("a", '{"spec":{"pinnedRevision":"3f1c0a9be2d4"}}')
    ]


def test_a_suspended_model_that_answered_is_suspended_when_it_answers_again() -> None:
    shipped, own = model("a", {"suspend": True}, labels=HELMS), model("b", {"suspend": True})
    given = a_list(shipped, own)
    assert kept.held(given) == {"at once": {}, "when servable": ["a", "b"]}
    (applied,) = kept.by_hand(given)["items"]
    assert "suspend" not in applied["spec"]


def test_one_that_did_not_is_suspended_from_the_start() -> None:
    shipped = model("a", {"suspend": True}, labels=HELMS, servable="False")
    given = a_list(shipped, model("b", {"suspend": True}, servable="Unknown"))
    assert kept.held(given) == {"at once": {"a": {"suspend": True}}, "when servable": []}
    (applied,) = kept.by_hand(given)["items"]
    assert applied["spec"] == {"suspend": True}


def test_each_volume_is_read_once_from_a_pod_that_answers() -> None:
    pods = a_list(pod("a-1", "a", "False"), pod("a-2", "a"), pod("a-3", "a"), pod("b-1", "b"))
    assert list(kept.mounted(pods)) == [("a", "a-2"), ("b", "b-1")]


def test_what_fills_a_volume_is_a_valid_pod_that_may_pull_its_image() -> None:
    # A folder that says no more is of a version that let it run anywhere.
    fetching = {"image": "registry.example/veriaidpo-fetch:0.1.0", "pullSecrets": [{"name": "my-registry"}]}
    filler = brought_back.filler("legal-basis-vi-model", fetching)
    kubernetes_validate.validate(filler, kubernetes_validate.latest_version(), strict=True)
    assert filler["spec"]["imagePullSecrets"] == fetching["pullSecrets"]


def test_models_are_unpacked_over_those_that_are_there_with_the_rights_they_had(tmp_path: Path) -> None:
    source, volume = tmp_path / "models", tmp_path / "volume"
    (source / "a/revisions/1").mkdir(parents=True)
    (source / "a/revisions/1/manifest.json").write_text("{}")
    (source / "a/revisions/1/manifest.json").chmod(0o444)
    (source / "a/lock").touch(0o644)
    there = volume / "models/a/revisions/1/manifest.json"
    there.parent.mkdir(parents=True)
    there.write_text("damaged")
    there.chmod(0o444)
    served = there.open()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w|") as tar:
        tar.add(source, "models")
    archive.seek(0)
    unpack_models.unpack(archive, volume)
    assert (there.read_text(), there.stat().st_mode & 0o777) == ("{}", 0o444)
    assert (volume / "models/a/lock").stat().st_mode & 0o200, "a fetch writes to what is no revision"
    with served:
        assert served.read() == "damaged", "whoever serves it goes on with what it has"


def test_nothing_is_unpacked_beside_the_volume(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w|") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    archive.seek(0)
    with pytest.raises(tarfile.FilterError):
        unpack_models.unpack(archive, tmp_path / "volume")


@pytest.mark.parametrize("release", ["veriaidpo", "aidpo", "my-veriaidpo-2", "a" * 53])
def test_the_scripts_know_the_charts_names(release: str) -> None:
    command = f". {REPO}/hack/installation.sh; echo $fullname-gateway $database"
    done = subprocess.run(
        ["bash", "-c", command], env={"RELEASE": release}, capture_output=True, text=True, check=True
    )
    names = {(item["kind"], item["metadata"]["name"]) for item in render(release=release)}
    gateway, database = done.stdout.split()
    assert ("Deployment", gateway) in names
    assert ("StatefulSet", database) in names


def operator(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (i for i in kinds(objects, "Deployment") if i["metadata"]["name"] == "veriaidpo-operator")
    return found


def test_the_image_that_fills_is_the_operators_own_for_fetching() -> None:
    fetching = kept.fetching(operator(render("image.pullSecrets[0].name=my-registry")))
    assert fetching["image"].startswith("veriaidpo-fetch:")
    assert fetching["pullSecrets"] == [{"name": "my-registry"}]


def test_what_fills_a_volume_runs_where_the_models_may(tmp_path: Path) -> None:
    may_run: dict[str, Any] = {
        "nodeSelector": {"pool": "models"},
        "tolerations": [{"key": "models", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}]
                }
            }
        },
    }
    values = tmp_path / "values.yaml"
    of_predictors = {"priorityClassName": "models-first", "spread": {"zones": "DoNotSchedule"}}
    values.write_text(json.dumps({"models": {"scheduling": may_run | of_predictors}}))
    filler = brought_back.filler("legal-basis-vi-model", kept.fetching(operator(render(values=values))))
    kubernetes_validate.validate(filler, kubernetes_validate.latest_version(), strict=True)
    assert {part: filler["spec"].get(part) for part in may_run} == may_run
    assert "priorityClassName" not in filler["spec"], "a fetch has none either"
