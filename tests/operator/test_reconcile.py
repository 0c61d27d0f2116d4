"""One look at one Model, with a cluster that may refuse, forget or fail."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.cluster.apiserver import ApiError, _read
from veriaidpo_operator.cluster.live import Cluster, RefusedError
from veriaidpo_operator.decisions.actions import Action
from veriaidpo_operator.decisions.transitions import Event
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.running.metrics import Metrics
from veriaidpo_operator.running.reconcile import Reconciler

from .world import World


class InMemory:
    """A Cluster around a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.refuses: dict[str, str] = {}
        self.others = 0
        self.tried: list[str] = []
        self.done: list[str] = []
        self.told: list[str] = []
        self.status_error: ApiError | None = None
        self.event_error: ApiError | None = None

    def model(self, name: str) -> Json | None:
        return self.world.body if self.world.body["metadata"]["name"] == name else None

    def observe(self, model: Model, now: datetime) -> Observed:
        return self.world.observe()

    def downloads(self, model: Model, now: datetime) -> int:
        return self.others

    def act(self, action: Action) -> None:
        kind = str(action).split()[1]
        self.tried.append(str(action))
        if kind in self.refuses:
            raise RefusedError(kind, self.refuses[kind])
        self.done.append(str(action))
        self.world.act(action)

    def write_status(self, model: Model, status: Status) -> None:
        if self.status_error:
            raise self.status_error
        self.world.body["status"] = status.to_json()

    def tell(self, model: Model, event: Event, now: datetime) -> None:
        self.told.append(event.reason)
        if self.event_error:
            raise self.event_error


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cluster(world: World) -> InMemory:
    return InMemory(world)


@pytest.fixture
def reconcile(world: World, cluster: InMemory) -> Reconciler:
    return Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, Metrics())


def test_a_model_that_has_gone_is_not_looked_at_again(reconcile: Reconciler) -> None:
    assert reconcile("another") is None


def test_a_download_waits_for_its_turn_and_says_so(world: World, cluster: InMemory) -> None:
    world.settings = replace(world.settings, max_downloads=4)
    reconcile = Reconciler(cast("Cluster", cluster), world.settings, lambda: world.now, Metrics())
    cluster.others = 4
    for _ in range(4):
        again = reconcile("principles-vi")
    assert world.condition("Ready") == ("False", "Queued")
    assert "4 other downloads run" in world.status.condition("Ready").message  # type: ignore[union-attr]
    assert world.all("Job") == []
    assert again is not None
    assert again <= 5
    cluster.others = 3
    reconcile("principles-vi")
    assert len(world.all("Job")) == 1
    cluster.others = 4  # what runs already is not stopped
    reconcile("principles-vi")
    assert world.condition("Ready")[1] != "Queued"
    assert len(world.all("Job")) == 1


def test_a_refused_object_is_told_of_and_tried_again(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    cluster.refuses = {"PersistentVolumeClaim": "not today"}
    reconcile("principles-vi")
    assert reconcile("principles-vi") == world.settings.resync_seconds
    assert world.condition("Ready") == ("False", "Refused")
    assert cluster.told == ["Refused"]
    cluster.refuses = {}
    world.now += timedelta(seconds=61)
    reconcile("principles-vi")
    assert cluster.done == ["create PersistentVolumeClaim principles-vi-model"]


def test_what_was_refused_is_tried_once_a_minute_and_told_of_all_the_time(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    cluster.refuses = {"PersistentVolumeClaim": "not today"}
    for _ in range(59):
        reconcile("principles-vi")
        world.now += timedelta(seconds=1)
    assert cluster.tried == ["create PersistentVolumeClaim principles-vi-model"]
    assert world.condition("Ready") == ("False", "Refused")
    world.now += timedelta(seconds=2)
    reconcile("principles-vi")
    assert len(cluster.tried) == 2


class Forgetful(dict[Any, Any]):
    """Refusals of which another thread drops each as soon as one has looked whether it is there."""

    def __contains__(self, key: object) -> bool:
        there = super().__contains__(key)
        self.pop(key, None)
        return there


def test_what_another_look_drops_meanwhile_is_no_error(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    reconcile._act._refusals = Forgetful()
    cluster.refuses = {"PersistentVolumeClaim": "not today"}
    for _ in range(3):
        reconcile("principles-vi")
    assert world.condition("Ready") == ("False", "Refused")


def test_what_was_refused_is_tried_at_once_when_the_model_changes(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    cluster.refuses = {"PersistentVolumeClaim": "not today"}
    reconcile("principles-vi")
    reconcile("principles-vi")
    world.change({"storage": {"create": {"size": "1Gi"}}})
    reconcile("principles-vi")
    assert len(cluster.tried) == 2


def test_a_quota_that_is_used_up_has_its_own_reason(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    cluster.refuses = {"PersistentVolumeClaim": "exceeded quota: small, requested: storage=2Gi"}
    reconcile("principles-vi")
    reconcile("principles-vi")
    assert world.condition("Ready") == ("False", "QuotaExceeded")
    assert world.condition("Degraded") == ("True", "QuotaExceeded")
    assert cluster.told == ["QuotaExceeded"]
    cluster.refuses = {}
    world.now += timedelta(seconds=61)
    reconcile("principles-vi")
    assert world.condition("Ready")[1] != "QuotaExceeded"


def test_a_webhook_of_kserve_that_does_not_answer_is_told_of_and_what_answers_goes_on(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.settle()
    world.change({"serving": {"minReplicas": 2}})
    cluster.refuses = {"InferenceService": 'Internal error occurred: failed calling webhook "isvc": refused'}
    reconcile("principles-vi")
    assert world.condition("Ready") == ("False", "RuntimeDown")
    assert world.condition("Servable") == ("True", "Serving")
    cluster.refuses = {}
    world.now += timedelta(seconds=61)
    reconcile("principles-vi")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_what_a_fetch_found_odd_is_told_once(reconcile: Reconciler, cluster: InMemory, world: World) -> None:
    world.warnings = ["Left at the source: model.bin."]
    for _ in range(8):
        reconcile("principles-vi")
        world.kubernetes()
    assert world.condition("Ready") == ("True", "Serving")
    assert cluster.told.count("FetchedWithWarnings") == 1


def test_a_claim_that_will_go_with_its_model_is_warned_of_once(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.settle()
    world.change({"storage": {"reclaimPolicy": "Delete"}})
    for _ in range(3):
        reconcile("principles-vi")
    assert cluster.told == ["ClaimGoesWithModel"]
    world.change({"storage": {"reclaimPolicy": "Retain"}})
    reconcile("principles-vi")
    assert cluster.told == ["ClaimGoesWithModel"]


def test_a_claim_that_is_made_to_go_with_its_model_is_warned_of(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.change({"storage": {"reclaimPolicy": "Delete"}})
    reconcile("principles-vi")
    reconcile("principles-vi")
    assert "ClaimGoesWithModel" in cluster.told


def test_a_class_that_lets_no_claim_grow_is_told_of_and_the_model_stays_ready(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.settle()
    world.change({"storage": {"create": {"size": "9Gi"}}})
    cluster.refuses = {"PersistentVolumeClaim": "only dynamically provisioned pvc can be resized"}
    reconcile("principles-vi")
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Degraded") == ("True", "ExpansionRefused")
    world.change({"storage": {"create": {"size": "2Gi"}}})
    reconcile("principles-vi")
    assert world.condition("Degraded") == ("False", "AsExpected")


def test_a_refused_service_does_not_keep_the_claim_from_being_repaired(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.settle()
    world.change({"storage": {"reclaimPolicy": "Delete"}, "serving": {"minReplicas": 2}})
    cluster.refuses = {"InferenceService": "not today"}
    reconcile("principles-vi")
    assert cluster.done == ["patch PersistentVolumeClaim principles-vi-model"]
    assert world.condition("Ready") == ("False", "Refused")
    assert world.condition("Servable") == ("True", "Serving")


def test_a_spec_of_a_newer_version_is_told_of_and_what_serves_is_left_alone(
    reconcile: Reconciler, cluster: InMemory, world: World
) -> None:
    world.settle()
    served = world.status.current_revision
    world.change({"serving": {"placement": "apart"}})
    reconcile("principles-vi")
    assert cluster.done == []
    assert world.body["status"]["currentRevision"] == served
    conditions = {c["type"]: c for c in world.body["status"]["conditions"]}
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", "InvalidSpec")
    assert "spec.serving.placement" in conditions["Ready"]["message"]
    assert conditions["Servable"]["status"] == "True"
    assert cluster.told == ["InvalidSpec"]


def test_an_unchanged_status_is_not_written(reconcile: Reconciler, cluster: InMemory, world: World) -> None:
    world.settle()
    cluster.status_error = ApiError(500, "it was written", status=True)
    assert reconcile("principles-vi") == world.settings.resync_seconds


@pytest.mark.parametrize("code", [404, 409])
def test_a_model_that_went_meanwhile_is_no_error(reconcile: Reconciler, cluster: InMemory, code: int) -> None:
    cluster.status_error = ApiError(code, "gone", status=True)
    reconcile("principles-vi")
    assert cluster.told == []


def test_a_status_that_cannot_be_written_is_an_error_to_try_again(
    reconcile: Reconciler, cluster: InMemory
) -> None:
    cluster.status_error = ApiError(503, "busy", status=True)
    with pytest.raises(ApiError):
        reconcile("principles-vi")


def test_an_event_that_is_lost_undoes_nothing(reconcile: Reconciler, cluster: InMemory, world: World) -> None:
    cluster.event_error = ApiError(403, "no", status=True)
    for _ in range(10):
        reconcile("principles-vi")
        world.kubernetes()
    assert world.condition("Ready") == ("True", "Serving")
    assert "Serving" in cluster.told


# What the API server answers


def test_an_unknown_resource_type_is_told_from_an_object_that_is_not_there() -> None:
    with pytest.raises(ApiError) as missing:
        _read(404, b'{"kind": "Status", "message": "not found"}')
    with pytest.raises(ApiError) as unknown:
        _read(404, b"404 page not found\n")
    assert (missing.value.status, unknown.value.status) == (True, False)


@pytest.mark.parametrize(
    ("code", "refused"), [(400, True), (403, True), (422, True), (404, False), (409, False), (500, False)]
)
def test_what_would_be_refused_again(code: int, refused: bool) -> None:
    assert ApiError(code, "no", status=True).refused is refused


@pytest.mark.parametrize(
    ("code", "text", "unanswered"),
    [
        (500, 'failed calling webhook "inferenceservice.kserve": connection refused', True),
        (500, "etcdserver: leader changed", False),
        (403, 'admission webhook "x" denied the request', False),
    ],
)
def test_a_webhook_that_is_away_is_told_from_a_server_that_is(code: int, text: str, unanswered: bool) -> None:
    assert ApiError(code, text, status=True).unanswered is unanswered
