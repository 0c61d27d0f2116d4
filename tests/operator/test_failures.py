"""Each failure has a reason, a sentence with what to do, a retry, and a way out."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.observed import Observed
from veriaidpo_operator.plan import plan

from .world import DIGEST, START, World


def fetching(spec: Json | None = None) -> World:
    """Return a world whose fetch Job has just been made."""
    world = World(spec)
    for _ in range(3):
        world.reconcile()
    world.bind()
    return world


def message(world: World) -> str:
    condition = world.status.condition("Ready")
    assert condition is not None
    return condition.message


@pytest.mark.parametrize(
    ("reason", "exit_code", "what_to_do"),
    [
        ("SourceUnauthorized", 11, "spec.source.authSecret"),
        ("SourceNotFound", 12, "spec.source.uri"),
        ("SourceUnreachable", 13, "source's address"),
        ("EmptySource", 14, "nothing that can be served"),
        ("ChecksumMismatch", 15, "spec.source.files"),
        ("LabelsMismatch", 16, "spec.labels"),
        ("OutOfSpace", 17, "principles-vi-model"),
        ("UnsupportedFormat", 18, "onnx/model.onnx"),
        ("SourceRefused", 19, "chart's sources"),
        ("VolumeReadOnly", 20, "kubectl describe pvc"),
        ("Internal", 1, "kubectl logs job/"),
    ],
)
@pytest.mark.parametrize("said", [True, False])
def test_what_the_fetch_ended_with_is_the_reason(
    reason: str, exit_code: int, what_to_do: str, said: bool
) -> None:
    world = fetching()
    job = world.all("Job")[0]
    world.finish(job, {"reason": reason, "message": "It was so"} if said else None, exit_code)
    world.reconcile()
    for kind in ("Downloaded", "Ready", "Servable"):
        assert world.condition(kind) == ("False", reason)
    assert world.condition("Degraded") == ("True", reason)
    assert what_to_do in message(world)
    failure = world.status.last_failure
    assert failure is not None
    assert (failure.reason, failure.fetch) == (reason, job["metadata"]["name"])


@pytest.mark.parametrize("reason", ["ChecksumMismatch", "LabelsMismatch", "UnsupportedFormat"])
def test_bytes_that_were_refused_are_not_verified(reason: str) -> None:
    world = fetching()
    world.fail(reason)
    world.reconcile()
    assert world.condition("Verified") == ("False", reason)


def test_an_unknown_word_of_the_fetch_counts_as_internal() -> None:
    world = fetching()
    world.fail("Serving", 77)
    world.reconcile()
    assert world.condition("Ready") == ("False", "Internal")


def retry_times(world: World, reason: str, count: int) -> list[float]:
    """Let the fetch fail so often and return the pauses before each next Job, in seconds."""
    pauses = []
    for _ in range(count):
        world.fail(reason)
        failed = world.now
        world.reconcile()
        name = world.all("Job")[0]["metadata"]["uid"]
        while not any(j["metadata"]["uid"] != name for j in world.all("Job")):
            world.now += timedelta(seconds=1)
            world.reconcile()
            world._collect()
        pauses.append((world.now - failed).total_seconds())
    return pauses


def test_a_failed_fetch_is_tried_again_with_growing_pauses_up_to_ten_minutes() -> None:
    world = fetching()
    pauses = retry_times(world, "SourceUnreachable", 8)
    for pause, expected in zip(pauses, [15, 30, 60, 120, 240, 480, 600, 600], strict=True):
        assert expected <= pause <= expected + 3
    world.reconcile()
    assert world.status.download is not None
    assert world.status.download.attempt == 9


@pytest.mark.parametrize(
    "reason", ["LabelsMismatch", "SourceRefused", "UnsupportedFormat", "ChecksumMismatch"]
)
def test_what_time_does_not_heal_is_tried_again_seldom(reason: str) -> None:
    (pause,) = retry_times(fetching(), reason, 1)
    assert 600 <= pause <= 603


def test_a_failure_that_comes_again_is_shown_all_the_time_and_one_event_tells_it() -> None:
    world = fetching()
    seen = set()
    for _ in range(2):
        world.fail("SourceNotFound")
        for _ in range(20):
            world.now += timedelta(seconds=1)
            world.reconcile()
            world._collect()
            seen.add(world.condition("Ready"))
        for pod in world.all("Pod"):
            del world.objects["Pod", pod["metadata"]["name"]]
    assert seen == {("False", "SourceNotFound")}


def test_a_changed_spec_is_fetched_at_once_even_after_a_failure_that_is_tried_again_seldom() -> None:
    world = fetching()
    world.fail("LabelsMismatch")
    world.reconcile()
    world.change({"labels": [{"id": "x", "en": "X", "vi": "X"}, {"id": "y", "en": "Y", "vi": "Y"}]})
    world.settle(8)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.now - START < timedelta(seconds=15)


@pytest.mark.parametrize(
    "mended",
    [
        {"source": {"authSecret": {"name": "hub"}}},
        {"download": {"resources": {"limits": {"memory": "2Gi"}}}},
        {"download": {"activeDeadlineSeconds": 7200}},
    ],
)
def test_what_somebody_mended_is_tried_at_once(mended: Json) -> None:
    world = fetching()
    world.fail("SourceUnauthorized", 11)
    world.reconcile()
    world.change(mended)
    world.settle(8)
    assert world.condition("Ready") == ("True", "Serving")


def test_a_spec_that_comes_back_to_what_was_fetched_serves_at_once() -> None:
    world = World()
    world.settle()
    world.change({"source": {"revision": "nowhere"}})
    while not world.all("Job") or world.all("Job")[0].get("status"):
        world.reconcile()
        world._collect()
    world.fail("SourceNotFound")
    world.reconcile()
    world.change({"source": {"revision": "main"}})
    world.reconcile()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.progress == "100%"


def test_a_fetch_that_took_too_long_says_so() -> None:
    world = fetching({"download": {"activeDeadlineSeconds": 60}})
    job = world.all("Job")[0]
    condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    job["status"] = {"conditions": [condition | {"lastTransitionTime": world._stamp()}]}
    world.reconcile()
    assert world.condition("Ready") == ("False", "DeadlineExceeded")
    assert "(60 s)" in message(world)


def test_a_result_that_went_with_its_pod_is_fetched_again() -> None:
    world = fetching()
    job = world.all("Job")[0]
    world.finish(job, {"reason": "Published", "digest": DIGEST})
    for pod in world.all("Pod"):
        del world.objects["Pod", pod["metadata"]["name"]]
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["delete", "Job"]]
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


# Pods that do not start


def waiting(world: World, pod: Json, reason: str, text: str = "it says why") -> None:
    state = {"waiting": {"reason": reason, "message": text}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"state": state}]}
    world.reconcile()


def test_an_image_that_is_not_there() -> None:
    world = fetching()
    pod = world.start(world.all("Job")[0])
    waiting(world, pod, "ImagePullBackOff")
    assert world.condition("Ready") == ("False", "ImageUnavailable")
    assert "fetch:1" in message(world)


def test_memory_that_was_not_enough() -> None:
    world = fetching()
    job = world.all("Job")[0]
    pod = world.start(job)
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": world._stamp()}
    pod["status"] = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
    world.reconcile()
    assert world.condition("Ready") == ("False", "OOMKilled")
    assert "spec.download.resources.limits.memory" in message(world)


def unscheduled(world: World, pod: Json, text: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text}
    pod["status"] = {"phase": "Pending", "conditions": [condition]}


def test_a_pod_may_wait_a_moment_for_its_node_before_anything_is_said() -> None:
    world = fetching()
    unscheduled(world, world.start(world.all("Job")[0]), "0/1 nodes are available")
    world.reconcile()
    assert world.condition("Ready") == ("False", "FetchStarting")
    world.now += timedelta(seconds=9)
    world.reconcile()
    assert world.condition("Ready") == ("False", "Unschedulable")


def test_a_claim_without_a_volume_is_why_no_node_is_found() -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    unscheduled(world, world.start(world.all("Job")[0]), "pod has unbound immediate PersistentVolumeClaims")
    world.now += timedelta(seconds=9)
    world.reconcile()
    assert world.condition("Ready") == ("False", "VolumePending")
    assert "unbound immediate" in message(world)


def with_warnings(world: World, **changes: Any) -> Observed:
    return replace(world.observe(), **changes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('storageclass.storage.k8s.io "fast" not found', "StorageClassMissing"),
        ("no persistent volumes available for this claim and no storage class is set", "StorageClassMissing"),
        ("failed to provision volume: quota", "VolumePending"),
    ],
)
def test_what_is_said_about_a_claim_that_waits(text: str, reason: str) -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    world.now += timedelta(seconds=9)
    seen = with_warnings(world, claim_warnings=(text,))
    ready = plan(world.model, seen, world.settings, world.now).status.condition("Ready")
    assert ready is not None
    assert ready.reason == reason
    assert text.rstrip(".") in ready.message


def test_a_claim_that_waits_for_its_first_pod_is_normal() -> None:
    world = fetching()
    world.all("PersistentVolumeClaim")[0]["status"] = {"phase": "Pending"}
    world.now += timedelta(seconds=60)
    world.reconcile()
    assert world.condition("Ready") == ("False", "FetchStarting")


# The claim


def test_a_named_claim_that_is_not_there_is_not_made() -> None:
    world = World({"storage": {"claimName": "shared"}})
    world.settle()
    assert world.condition("Ready") == ("False", "ClaimMissing")
    assert not world.objects


def test_a_named_claim_is_used_and_never_touched() -> None:
    world = World({"storage": {"claimName": "shared", "reclaimPolicy": "Delete"}})
    world.put({"kind": "PersistentVolumeClaim", "metadata": {"name": "shared"}, "spec": {}})
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    claim = world.get("PersistentVolumeClaim", "shared")
    assert claim is not None
    assert "labels" not in claim["metadata"]
    assert "ownerReferences" not in claim["metadata"]
    job = world.all("Job")[0]
    volumes = job["spec"]["template"]["spec"]["volumes"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "shared"}} in volumes


def test_a_claim_of_somebody_else_under_our_name_is_left_alone() -> None:
    world = World()
    claim = world.put(
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "principles-vi-model"}, "spec": {}}
    )
    world.settle()
    assert world.condition("Ready") == ("False", "NameConflict")
    assert world.objects == {("PersistentVolumeClaim", "principles-vi-model"): claim}


def test_a_lost_claim_that_was_made_again_is_filled_again() -> None:
    world = World()
    world.settle()
    before = world.status.fetched_by
    del world.objects["PersistentVolumeClaim", "principles-vi-model"]
    world.reconcile()
    assert world.condition("Downloaded")[0] == "False"
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.fetched_by != before


def test_another_claim_is_filled_before_the_service_moves_to_it() -> None:
    world = World()
    world.settle()
    world.put({"kind": "PersistentVolumeClaim", "metadata": {"name": "other"}, "spec": {}})
    world.change({"storage": {"claimName": "other"}})
    world.reconcile()
    assert served_claim(world) == "principles-vi-model"
    assert world.status.claim_name == "principles-vi-model"
    world.settle()
    assert served_claim(world) == "other"
    assert world.status.claim_name == "other"


def served_claim(world: World) -> str:
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    volumes = {v["name"]: v for v in service["spec"]["predictor"]["volumes"]}
    return str(volumes["models"]["persistentVolumeClaim"]["claimName"])


# Serving


def test_without_kserve_the_model_waits_fetched_and_serves_once_kserve_is_there() -> None:
    world = World()
    world.runtime_known = False
    world.settle()
    assert world.condition("Downloaded") == ("True", "Fetched")
    assert world.condition("InferenceServiceReady") == ("False", "RuntimeUnavailable")
    assert world.condition("Ready") == ("False", "RuntimeUnavailable")
    world.runtime_known = True
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_an_inference_service_that_kserve_does_not_take_up_is_told_of_after_half_a_minute() -> None:
    world = World()
    world.settle()
    world.change({"serving": {"minReplicas": 2}})
    world.reconcile()
    world.now += timedelta(seconds=20)
    world.reconcile()
    assert world.condition("Ready")[1] == "RollingOut"
    world.now += timedelta(seconds=20)
    world.reconcile()
    assert world.condition("Ready") == ("False", "RuntimeDown")
    assert "InferenceService principles-vi" in message(world)
    assert world.condition("Servable") == ("True", "Serving")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_kserve_has_as_long_for_what_somebody_else_changed_in_an_inference_service() -> None:
    world = World()
    world.settle()
    world.now += timedelta(hours=2)
    (service,) = world.all("InferenceService")
    world.edited(service, "kubectl-edit")
    world.now += timedelta(seconds=20)
    world.reconcile()
    assert world.condition("Ready") == ("False", "RollingOut")
    assert world.condition("Degraded") == ("False", "AsExpected")
    world.edited(service, "kserve-controller-manager", subresource="status")  # it is no answer to the change
    world.now += timedelta(seconds=20)
    world.reconcile()
    assert world.condition("Ready") == ("False", "RuntimeDown")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_a_foreign_inference_service_of_the_same_name_is_left_alone() -> None:
    world = World()
    body = {"kind": "InferenceService", "metadata": {"name": "principles-vi"}, "spec": {"predictor": {}}}
    world.put(body)
    for _ in range(8):
        world.reconcile()
        world.bind()
        for job in world.all("Job"):
            if "status" not in job:
                world.finish(job, {"reason": "Published", "digest": DIGEST})
    assert world.condition("Ready") == ("False", "NameConflict")
    there = world.get("InferenceService", "principles-vi")
    assert there is not None
    assert there["spec"] == {"predictor": {}}


def test_a_service_changed_by_hand_is_repaired() -> None:
    world = World()
    world.settle()
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    service["spec"]["predictor"]["containers"][0]["image"] = "other:1"
    assert [str(a) for a in world.reconcile().actions] == ["apply InferenceService principles-vi"]
    assert service["spec"]["predictor"]["containers"][0]["image"] == "predictor:1"


def test_a_service_removed_by_hand_is_made_again() -> None:
    world = World()
    world.settle()
    del world.objects["InferenceService", "principles-vi"]
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def predictor_pod(world: World, status: Json) -> Json:
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    meta = {"name": "principles-vi-predictor-1", "labels": service["metadata"]["labels"]}
    pod = world.put({"kind": "Pod", "metadata": meta, "spec": service["spec"]["predictor"]})
    pod["status"] = status
    return pod


def unready(world: World) -> None:
    for deployment in world.all("Deployment"):
        deployment["status"] |= {"readyReplicas": 0, "availableReplicas": 0}


def test_a_predictor_that_crashes_says_its_last_words() -> None:
    world = World()
    world.settle()
    unready(world)
    last = {"terminated": {"exitCode": 3, "reason": "Error", "message": "first\nno such revision"}}
    container = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last, "restartCount": 4}
    predictor_pod(world, {"phase": "Running", "containerStatuses": [container]})
    world.reconcile()
    assert world.condition("Servable") == ("False", "Crashing")
    assert world.condition("Ready") == ("False", "Crashing")
    assert "no such revision." in message(world)


def test_pods_that_stopped_answering_make_the_model_not_servable() -> None:
    world = World()
    world.settle()
    unready(world)
    world.reconcile()
    assert world.condition("Servable") == ("False", "PredictorNotReady")
    assert world.condition("Ready") == ("False", "PredictorNotReady")
    assert world.status.current_revision == DIGEST
    world.roll()
    world.reconcile()
    assert world.condition("Ready") == ("True", "Serving")


def test_a_pod_that_is_just_starting_is_a_rollout_and_no_failure() -> None:
    world = World()
    world.settle()
    unready(world)
    predictor_pod(world, {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]})
    world.reconcile()
    assert world.condition("Ready") == ("False", "RollingOut")
    assert world.condition("Degraded")[0] == "False"
    world.now += timedelta(seconds=61)
    world.reconcile()
    assert world.condition("Ready") == ("False", "PredictorNotReady")


def test_a_rollout_past_its_deadline_says_so_while_the_former_revision_answers() -> None:
    world = World()
    world.settle()
    world.change({"serving": {"resources": {"limits": {"memory": "3Gi"}}}})
    world.reconcile()
    world.kserve()
    stalled = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "late",
    }
    world.all("Deployment")[0]["status"]["conditions"] = [stalled]
    world.reconcile()
    assert world.condition("Ready") == ("False", "RolloutStalled")
    assert world.condition("Servable") == ("True", "Serving")


def test_an_object_the_api_server_refuses_is_told_of() -> None:
    world = World()
    world.reconcile()
    seen = with_warnings(world, refused={"PersistentVolumeClaim": "size is not a quantity"})
    ready = plan(world.model, seen, world.settings, world.now).status.condition("Ready")
    assert ready is not None
    assert ready.reason == "Refused"
    assert "size is not a quantity" in ready.message


def test_a_failure_is_remembered_after_it_healed() -> None:
    world = fetching()
    world.fail("SourceUnreachable", 13)
    world.reconcile()
    world.now += timedelta(seconds=16)
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.last_failure is not None
    assert world.status.last_failure.reason == "SourceUnreachable"


def test_the_status_is_what_json_can_hold() -> None:
    world = fetching()
    world.fail("SourceUnreachable", 13)
    world.reconcile()
    assert json.loads(json.dumps(world.status.to_json())) == world.status.to_json()
