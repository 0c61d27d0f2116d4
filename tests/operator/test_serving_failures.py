"""Whatever keeps a fetched model from being served is told, and is got over."""

from datetime import timedelta

from veriaidpo_operator.api import Json

from .world import DIGEST, World


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
    assert "InferenceService principles-vi" in world.message()
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
    assert "no such revision." in world.message()


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
