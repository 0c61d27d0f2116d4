"""From nothing to an answer, in the order people see it happen."""

from veriaidpo_operator.decisions.conditions import CONDITIONS
from veriaidpo_operator.objects.fetch_words import Progress

from .world import COMMIT, DIGEST, OTHER_DIGEST, World


def test_first_every_condition_is_there_and_unknown_so_that_a_wait_can_begin() -> None:
    world = World()
    assert world.reconcile().actions == ()
    assert [c.type for c in world.status.conditions] == list(CONDITIONS)
    assert {c.status for c in world.status.conditions} == {"Unknown"}


def test_the_claim_comes_first_then_the_fetch() -> None:
    world = World()
    world.reconcile()
    assert [str(a) for a in world.reconcile().actions] == ["create PersistentVolumeClaim principles-vi-model"]
    told, create = world.reconcile().actions
    assert str(told).startswith("create ConfigMap principles-vi-fetch-")
    assert str(create).startswith("create Job principles-vi-fetch-")


def test_progress_of_the_download_is_in_the_status() -> None:
    world = World()
    for _ in range(3):
        world.reconcile()
    world.start(world.all("Job")[0])
    world.progress = Progress(
        state="Downloading",
        bytes_total=1000,
        bytes_done=459,
        percent=45.9,
        bytes_per_second=9.7,
        remaining_seconds=55,
    )
    decided = world.reconcile()
    assert decided.again == world.settings.poll_seconds
    assert world.status.progress == "45%"
    download = world.status.download
    assert download is not None
    assert (download.bytes_done, download.bytes_total, download.percent) == (459, 1000, 45)
    assert (download.bytes_per_second, download.remaining_seconds, download.attempt) == (10, 55, 1)
    assert world.condition("Ready") == ("False", "Downloading")
    assert world.condition("Degraded") == ("False", "AsExpected")


def test_progress_stays_said_when_the_pod_does_not_answer_for_a_moment() -> None:
    world = World()
    for _ in range(3):
        world.reconcile()
    world.start(world.all("Job")[0])
    world.progress = Progress(state="Downloading", bytes_total=1000, bytes_done=450)
    world.reconcile()
    world.progress = None
    world.reconcile()
    assert world.status.progress == "45%"


def test_in_the_end_every_condition_is_true_and_the_status_says_what_serves() -> None:
    world = World()
    world.settle()
    for kind in CONDITIONS:
        assert world.condition(kind)[0] == ("False" if kind == "Degraded" else "True"), kind
    status = world.status
    assert status.current_revision == status.target_revision == DIGEST
    assert (status.revision, status.progress, status.format) == (DIGEST[:12], "100%", "onnx-fp32")
    assert (status.resolved_commit, status.claim_name) == (COMMIT, "principles-vi-model")
    service = status.inference_service
    assert service is not None
    assert service.url == "http://principles-vi-predictor.ns.svc.cluster.local"
    assert service.ready_replicas == 1
    assert [r.digest for r in status.revisions] == [DIGEST]


def test_a_world_that_is_as_wanted_gives_no_action_and_the_same_status() -> None:
    world = World()
    world.settle()
    decided = world.decide()
    assert decided.actions == ()
    assert decided.status == world.status


def test_a_new_revision_is_current_only_after_it_rolled_out_and_the_old_one_serves_until_then() -> None:
    world = World()
    world.settle()
    world.change({"source": {"revision": "v2"}})
    world.reconcile()
    assert world.condition("Servable") == ("True", "Serving")
    assert world.condition("Ready")[0] == "False"
    for _ in range(4):  # the old Job goes, the new one comes and publishes
        world._collect()
        world.reconcile()
    world.finish(world.all("Job")[0], {"reason": "Published", "digest": OTHER_DIGEST, "commit": COMMIT})
    world.reconcile()  # what came is written down
    world.reconcile()  # and served
    world.kserve()
    world.reconcile()
    assert (world.status.target_revision, world.status.current_revision) == (OTHER_DIGEST, DIGEST)
    assert world.condition("Servable") == ("True", "Serving")
    assert world.condition("Ready") == ("False", "RollingOut")
    world.roll()
    world.reconcile()
    assert (world.status.current_revision, world.status.previous_revision) == (OTHER_DIGEST, DIGEST)
    assert world.condition("Ready") == ("True", "Serving")
    assert [r.digest for r in world.status.revisions] == [OTHER_DIGEST, DIGEST]


def test_while_the_next_revision_is_fetched_the_service_stays_as_it_is() -> None:
    world = World()
    world.settle()
    before = world.get("InferenceService", "principles-vi")
    world.change({"source": {"revision": "v2"}})
    world.reconcile()
    assert world.get("InferenceService", "principles-vi") == before


def test_a_change_of_resources_rolls_without_a_fetch() -> None:
    world = World()
    world.settle()
    world.change({"serving": {"resources": {"limits": {"memory": "3Gi"}}}})
    assert [str(a) for a in world.reconcile().actions] == ["apply InferenceService principles-vi"]
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_another_value_of_the_fetch_again_annotation_fetches_again() -> None:
    world = World()
    world.settle()
    before = world.status.fetched_by
    world.body["metadata"]["annotations"] = {"veriaidpo.verisyntra.vn/fetch-again": "1"}
    world.settle()
    assert world.status.fetched_by != before
    assert world.condition("Ready") == ("True", "Serving")


def test_a_model_made_again_adopts_the_claim_of_the_former_one() -> None:
    world = World()
    world.settle()
    claim = world.get("PersistentVolumeClaim", "principles-vi-model")
    spec = world.body["spec"]
    world.delete_model()
    assert not world.all("Job")
    assert not world.all("InferenceService")
    world.new_model(spec)
    world.settle()
    assert world.get("PersistentVolumeClaim", "principles-vi-model") == claim
    assert world.condition("Ready") == ("True", "Serving")


def test_with_reclaim_policy_delete_the_claim_goes_with_the_model() -> None:
    world = World({"storage": {"reclaimPolicy": "Delete"}})
    world.settle()
    world.delete_model()
    assert not world.all("PersistentVolumeClaim")


def test_a_changed_reclaim_policy_changes_the_owner_of_the_claim() -> None:
    world = World()
    world.settle()
    world.change({"storage": {"reclaimPolicy": "Delete"}})
    world.settle()
    claim = world.get("PersistentVolumeClaim", "principles-vi-model")
    assert claim is not None
    assert [o["uid"] for o in claim["metadata"]["ownerReferences"]] == [world.model.uid]
    world.change({"storage": {"reclaimPolicy": "Retain"}})
    world.settle()
    claim = world.get("PersistentVolumeClaim", "principles-vi-model")
    assert claim is not None
    assert claim["metadata"]["ownerReferences"] == []


def test_a_model_that_is_being_deleted_is_left_alone() -> None:
    world = World()
    world.settle()
    world.objects.clear()
    world.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert world.decide().actions == ()


def test_suspend_stops_a_download_and_leaves_what_serves() -> None:
    world = World()
    world.settle()
    world.change({"source": {"revision": "v2"}})
    for _ in range(3):
        world._collect()
        world.reconcile()
    world.change({"suspend": True})
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["delete", "Job"]]
    world._collect()
    assert world.reconcile().actions == ()
    assert world.condition("Ready") == ("False", "Suspended")
    assert world.condition("Servable") == ("True", "Serving")
    assert world.condition("Degraded")[0] == "False"
    world.change({"suspend": False})
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
