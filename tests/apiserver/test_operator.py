"""The operator with a real API server, kubelet and KServe: from a Model to an answer, and what goes wrong."""

import json
import subprocess
import urllib.request
from typing import Any

import pytest

from .kubectl import Namespace, at, eventually, kubectl, model
from .operator_process import OperatorProcess


def answer(namespace: Namespace, name: str = "principles-vi") -> str:
    """Ask the predictor which revision it serves, at its Service's own address."""
    url: str = namespace.get("model", name)["status"]["inferenceService"]["url"]
    host = url.removeprefix("http://")
    service, space, *_ = host.split(".")
    assert space == namespace.name
    address = namespace.get("service", service)["spec"]["clusterIP"]
    with urllib.request.urlopen(f"http://{address}/revision", timeout=5) as response:
        return str(response.read().decode().strip())


def test_a_model_is_fetched_and_served_and_tells_its_story(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1"))
    eventually(
        "progress is shown",
        lambda: namespace.get("model", "principles-vi").get("status", {}).get("progress") == "45%",
    )
    status = namespace.serves("principles-vi")
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Downloaded": "True",
        "Verified": "True",
        "Converted": "True",
        "InferenceServiceReady": "True",
        "WarmedUp": "True",
        "Servable": "True",
        "Ready": "True",
        "Degraded": "False",
    }
    assert status["currentRevision"] == status["targetRevision"]
    assert answer(namespace) == "v1"
    row = namespace.kubectl("get", "vmodel", "--no-headers").split()
    shown = f"principles-vi True Serving principles vi {status['currentRevision'][:12]} 100% True"
    assert " ".join(row[:8]) == shown
    told = {
        e["reason"]: e["type"]
        for e in namespace.items("events", "--field-selector=involvedObject.kind=Model")
    }
    assert {
        "RevisionFetched": "Normal",
        "RevisionServing": "Normal",
        "Serving": "Normal",
    }.items() <= told.items()


@pytest.mark.slow
def test_nothing_is_written_while_nothing_changes(operator: OperatorProcess, namespace: Namespace) -> None:
    operator.stop()
    operator.settings |= {"RESYNC_SECONDS": "1", "LOG_LEVEL": "DEBUG"}
    operator.start()
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")

    def looks() -> int:
        return operator.log.read_text().count("principles-vi was looked at")

    def versions() -> list[str]:
        kinds = ("model", "inferenceservice", "job", "pvc")
        return [o["metadata"]["resourceVersion"] for kind in kinds for o in namespace.items(kind)]

    after_the_last_events = looks() + 3
    eventually("it settles", lambda: looks() >= after_the_last_events)
    before, count = versions(), looks()
    eventually("some more looks", lambda: looks() >= count + 4)
    assert versions() == before


@pytest.mark.slow
def test_a_new_revision_takes_over_while_the_old_one_answers(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1"))
    first = namespace.serves("principles-vi")["currentRevision"]
    namespace.apply(at("v2"))
    namespace.reaches("principles-vi", "Downloading")
    assert namespace.condition("principles-vi", "Servable") == ("True", "Serving")
    while namespace.condition("principles-vi")[0] != "True":
        assert namespace.condition("principles-vi", "Servable")[0] == "True"
        assert answer(namespace) in {"v1", "v2"}
    status = namespace.get("model", "principles-vi")["status"]
    assert status["previousRevision"] == first
    assert answer(namespace) == "v2"


@pytest.mark.slow
def test_a_revision_that_never_gets_ready_takes_no_request(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1"))
    first = namespace.serves("principles-vi")["currentRevision"]
    namespace.apply(at("mute"))
    namespace.reaches("principles-vi", "RollingOut")
    selector = "serving.kserve.io/inferenceservice=principles-vi"
    eventually("the new pod is there", lambda: len(namespace.items("pods", "-l", selector)) == 2)
    status = namespace.get("model", "principles-vi")["status"]
    assert status["currentRevision"] == first != status["targetRevision"]
    assert namespace.condition("principles-vi", "Servable") == ("True", "Serving")
    assert answer(namespace) == "v1"
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    assert namespace.get("model", "principles-vi")["status"]["currentRevision"] == first


@pytest.mark.parametrize(
    ("reason", "code"), [pytest.param("SourceNotFound", 12, marks=pytest.mark.slow), ("LabelsMismatch", 16)]
)
def test_a_fetch_that_fails_says_why_and_a_mended_model_serves(
    operator: OperatorProcess, namespace: Namespace, reason: str, code: int
) -> None:
    namespace.apply(at(f"fail-{reason}-{code}"))
    namespace.apply(at("v1", "neighbour-vi"))
    namespace.reaches("principles-vi", reason)
    assert namespace.condition("principles-vi", "Servable") == ("False", reason)
    assert namespace.get("model", "principles-vi")["status"]["lastFailure"]["reason"] == reason
    namespace.serves("neighbour-vi")
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")


@pytest.mark.slow
def test_a_failed_fetch_is_tried_again(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(at("fail-SourceNotFound-12"))

    def attempt() -> int:
        status = namespace.get("model", "principles-vi").get("status", {})
        return int(status.get("download", {}).get("attempt", 0))

    eventually("a third attempt", lambda: attempt() >= 3, 60)
    assert namespace.condition("principles-vi") == ("False", "SourceNotFound")
    assert len(namespace.items("jobs")) <= 1


def test_a_source_that_is_away_is_asked_again_while_what_was_fetched_before_answers(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("away"))
    namespace.serves("principles-vi")
    assert namespace.condition("principles-vi", "Downloaded") == ("True", "SourceAway")
    status = namespace.get("model", "principles-vi")["status"]
    assert status["sourceAway"]["message"] == "The hub does not answer."
    assert answer(namespace) == "stale"

    def fetched() -> bool:
        assert namespace.condition("principles-vi", "Servable") == ("True", "Serving")
        return namespace.condition("principles-vi", "Downloaded") == ("True", "Fetched")

    eventually("what the source has is fetched", fetched, 90)
    status = namespace.serves("principles-vi")
    assert "sourceAway" not in status
    assert status["download"]["attempt"] == 3
    eventually("it answers", lambda: answer(namespace) == "away")
    told = namespace.items("events", "--field-selector=involvedObject.kind=Model,reason=SourceAway")
    assert len(told) == 1


def test_an_image_that_is_not_there(operator: OperatorProcess, namespace: Namespace) -> None:
    operator.stop()
    operator.settings["FETCH_IMAGE"] = "nowhere.invalid/fetch:0"
    operator.start()
    namespace.apply(at("v1"))
    namespace.reaches("principles-vi", "ImageUnavailable")
    operator.stop()
    operator.settings["FETCH_IMAGE"] = operator.settings["PREDICTOR_IMAGE"]
    operator.start()
    namespace.serves("principles-vi")


@pytest.mark.slow
def test_a_secret_that_is_not_there(operator: OperatorProcess, namespace: Namespace) -> None:
    source = {"uri": "hf://owner/principles-vi", "authSecret": {"name": "hub"}}
    namespace.apply(model(source=source))
    namespace.reaches("principles-vi", "MountFailed")
    ready = next(
        c for c in namespace.get("model", "principles-vi")["status"]["conditions"] if c["type"] == "Ready"
    )
    assert 'secret "hub" not found' in ready["message"]
    namespace.kubectl("create", "secret", "generic", "hub", "--from-literal=token=t")
    namespace.serves("principles-vi", 150)


@pytest.mark.slow
def test_downloads_that_cannot_start_keep_no_other_waiting(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    operator.stop()
    operator.settings["MAX_DOWNLOADS"] = "4"
    operator.start()
    broken = [f"broken{number}-vi" for number in range(4)]
    for name in broken:
        namespace.apply(model(name, source={"uri": f"hf://owner/{name}", "authSecret": {"name": "hub"}}))
    for name in broken:
        namespace.reaches(name, "MountFailed")
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    assert {namespace.condition(name) for name in broken} == {("False", "MountFailed")}


@pytest.mark.slow
def test_a_storage_class_that_is_not_there(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(model(storage={"create": {"storageClassName": "nowhere"}}))
    namespace.reaches("principles-vi", "StorageClassMissing")
    namespace.apply(model(storage={"create": {}}))
    # Not waited for: the operator makes it anew at once, and kubectl may wait for that one to go.
    namespace.kubectl("delete", "pvc", "principles-vi-model", "--wait=false")
    namespace.serves("principles-vi")


@pytest.mark.slow
def test_a_claim_that_is_not_there(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(model(storage={"claimName": "shared"}))
    namespace.reaches("principles-vi", "ClaimMissing")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "shared"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    namespace.apply(claim)
    namespace.serves("principles-vi")


@pytest.mark.slow  # tests/e2e has it, with the product itself
def test_a_deleted_model_keeps_its_claim_and_comes_back_with_its_bytes(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    claim = namespace.get("pvc", "principles-vi-model")["metadata"]["uid"]
    namespace.kubectl("delete", "model", "principles-vi", "--timeout=20s")

    def gone() -> bool:
        return not any(namespace.items(kind) for kind in ("jobs", "inferenceservices", "deployments", "pods"))

    eventually("what served it is gone", gone, 90)
    assert namespace.get("pvc", "principles-vi-model")["metadata"]["uid"] == claim
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    pods = namespace.items("pods", "-l", "app.kubernetes.io/component=fetch")
    said = json.loads(pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["message"])
    assert (said["reason"], said["bytesDownloaded"]) == ("Adopted", 0)


@pytest.mark.slow
def test_with_reclaim_policy_delete_the_claim_goes_too(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1", storage={"reclaimPolicy": "Delete"}))
    namespace.serves("principles-vi")
    namespace.kubectl("delete", "model", "principles-vi", "--timeout=20s")
    eventually("the claim is gone", lambda: not namespace.items("pvc"), 90)


@pytest.mark.slow
def test_without_the_operator_a_model_serves_on_and_can_be_deleted(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    assert operator.stop() == 0
    assert answer(namespace) == "v1"
    assert "finalizers" not in namespace.get("model", "principles-vi")["metadata"]
    namespace.kubectl("delete", "model", "principles-vi", "--timeout=20s")


@pytest.mark.slow  # tests/e2e has it, with the product itself
def test_an_operator_killed_in_the_middle_of_a_download_goes_on_with_it(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(at("slow"))
    namespace.reaches("principles-vi", "Downloading")
    (job,) = namespace.items("jobs")
    operator.kill()
    operator.start()
    namespace.serves("principles-vi")
    assert [j["metadata"]["uid"] for j in namespace.items("jobs")] == [job["metadata"]["uid"]]


@pytest.mark.slow
def test_what_somebody_changed_by_hand_is_repaired(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    patch = (
        '[{"op": "replace", "path": "/spec/predictor/containers/0/args/1", "value": "/mnt/models/elsewhere"}]'
    )
    namespace.kubectl("patch", "inferenceservice", "principles-vi", "--type=json", "-p", patch)

    def repaired() -> bool:
        service = namespace.get("inferenceservice", "principles-vi")
        return "elsewhere" not in json.dumps(service["spec"])

    eventually("it is as wanted again", repaired)
    namespace.serves("principles-vi")
    namespace.comes_back("inferenceservice", "principles-vi")
    namespace.serves("principles-vi")


def test_predictors_and_fetches_run_where_the_installation_says_and_it_can_be_taken_back(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    (node,) = {one["metadata"]["labels"]["kubernetes.io/hostname"] for one in namespace.items("nodes")}
    toleration = {"key": "models", "operator": "Exists", "effect": "NoSchedule"}
    said = {"nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": [toleration]}
    operator.stop()
    operator.settings["SCHEDULING"] = json.dumps(said)
    operator.start()
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")

    def pods(of: str) -> list[dict[str, Any]]:
        chosen = namespace.items("pods", "-l", f"app.kubernetes.io/component={of}")
        return [one["spec"] for one in chosen if "deletionTimestamp" not in one["metadata"]]

    for pod in pods("predictor") + pods("fetch"):
        assert pod["nodeSelector"] == said["nodeSelector"]
        assert toleration in pod["tolerations"]
    (pod,) = pods("predictor")
    assert {one["topologyKey"] for one in pod["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    operator.stop()
    del operator.settings["SCHEDULING"]
    operator.start()
    eventually(
        "it may run anywhere again",
        lambda: [one.get("nodeSelector") for one in pods("predictor")] == [None],
    )
    namespace.serves("principles-vi")


def test_the_number_of_predictors_is_left_to_somebody_else_where_that_is_wanted(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    def scaled(to: int) -> None:
        namespace.kubectl("scale", "deployment/principles-vi-predictor", f"--replicas={to}")

    def wanted() -> int:
        return int(namespace.get("deployment", "principles-vi-predictor")["spec"]["replicas"])

    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    scaled(2)
    eventually("KServe sets it back", lambda: wanted() == 1)
    change = {"spec": {"serving": {"autoscaler": "external"}}}
    namespace.kubectl("patch", "model", "principles-vi", "--type=merge", "-p", json.dumps(change))
    service = "inferenceservice", "principles-vi"
    key = "serving.kserve.io/autoscalerClass"
    eventually(
        "KServe is told", lambda: namespace.get(*service)["metadata"]["annotations"][key] == "external"
    )
    eventually("the Deployment is", lambda: _class_of_deployment(namespace) == "external")
    scaled(2)
    namespace.kubectl(
        "wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/principles-vi-predictor"
    )
    # Whatever makes KServe look again does not take the second one.
    namespace.kubectl("annotate", *service, "example.org/look=again")
    eventually("KServe looked", lambda: _class_of_deployment(namespace, "example.org/look") == "again")
    assert wanted() == 2
    assert namespace.serves("principles-vi")["inferenceService"]["readyReplicas"] == 2


def _class_of_deployment(namespace: Namespace, key: str = "serving.kserve.io/autoscalerClass") -> str:
    found = namespace.get("deployment", "principles-vi-predictor")["metadata"]["annotations"]
    return str(found.get(key, ""))


def test_the_operators_rights_end_at_its_namespace(operator: OperatorProcess, namespace: Namespace) -> None:
    who = f"--as=system:serviceaccount:{namespace.name}:operator"
    for question in (["list", "models", "-A"], ["get", "secrets"], ["create", "pods"], ["delete", "pvc"]):
        with pytest.raises(subprocess.CalledProcessError):
            kubectl("auth", "can-i", *question, "-n", namespace.name, who)
    namespace.apply(at("v1"))
    namespace.serves("principles-vi")
    assert "orbidden" not in operator.log.read_text()
