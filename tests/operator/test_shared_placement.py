"""Models that share a claim and a predictor: they come, change, move and go, and their neighbours answer."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from veriaidpo_operator.decisions.actions import Patch
from veriaidpo_operator.objects import places, sharing
from veriaidpo_operator.reasons import Reason

from .shared_world import SHARED, SharedWorld, told

NAMES = ("principles-vi", "consent-vi", "retention-vi")


@pytest.fixture
def world() -> SharedWorld:
    world = SharedWorld(*NAMES)
    world.everybody()
    return world


def test_one_predictor_serves_them_all(world: SharedWorld) -> None:
    assert [service["metadata"]["name"] for service in world.all("InferenceService")] == [SHARED]
    assert world.listed == world.digests
    urls = set()
    for name in NAMES:
        assert world.ready(name) == ("True", "Serving")
        status = world.status
        assert status.current_revision == world.digests[name]
        assert status.inference_service is not None
        assert (status.inference_service.name, status.inference_service.ready_replicas) == (SHARED, 1)
        urls.add(status.inference_service.url)
    assert urls == {f"http://{SHARED}-predictor.ns.svc.cluster.local"}
    assert world.decide_group() == ()


def test_what_they_share_belongs_to_all_of_them_and_goes_with_the_last(world: SharedWorld) -> None:
    for kind in ("InferenceService", "ConfigMap"):
        shared = world.get(kind, SHARED)
        assert shared is not None
        owners = shared["metadata"]["ownerReferences"]
        assert {owner["name"] for owner in owners} == set(NAMES)
        assert {owner["controller"] for owner in owners} == {False}
    for name in NAMES:
        assert world.get("InferenceService", SHARED)
        world.remove(name)
    assert world.get("InferenceService", SHARED) is None
    assert world.get("ConfigMap", SHARED) is None


def test_no_model_can_have_the_name_of_a_shared_predictor() -> None:
    for claim in ("m", "models", "a.b-" * 40, "x" * 253):
        name = places.shared_name(claim)
        assert name.startswith("shared-")
        assert len(f"{name}-predictor") <= 63
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert places.shared_name("a.b") != places.shared_name("a-b")


def test_a_model_that_is_deleted_leaves_the_list_and_its_neighbours_notice_nothing(
    world: SharedWorld,
) -> None:
    pods = [pod.uid for pod in world.pods_of(SHARED)]
    world.remove("consent-vi")
    world.everybody()
    assert set(world.listed) == {"principles-vi", "retention-vi"}
    assert [pod.uid for pod in world.pods_of(SHARED)] == pods
    assert all(world.ready(name) == ("True", "Serving") for name in world.bodies)


def test_a_new_model_of_the_same_name_is_not_served_with_the_former_ones_revision(world: SharedWorld) -> None:
    world.remove("consent-vi")
    world.add("consent-vi")
    world.look_at_group()
    assert "consent-vi" not in world.listed
    world.everybody()
    assert world.ready("consent-vi") == ("True", "Serving")


def test_another_revision_changes_the_list_and_no_pod(world: SharedWorld) -> None:
    pods = [pod.uid for pod in world.pods_of(SHARED)]
    new = world.publish_of("consent-vi", "v2")
    world.everybody()
    assert world.listed["consent-vi"] == new
    assert [pod.uid for pod in world.pods_of(SHARED)] == pods
    assert world.model_of("consent-vi").status.current_revision == new
    assert {name: world.ready(name) for name in NAMES} == dict.fromkeys(NAMES, ("True", "Serving"))


def test_a_revision_that_answers_wrongly_is_rolled_back_and_its_neighbours_stay_ready(
    world: SharedWorld,
) -> None:
    first = world.digests["consent-vi"]
    second = world.publish_of("consent-vi", "v2")
    world.bad[second] = "golden"
    world.everybody()
    assert world.ready("consent-vi") == ("False", "GoldenSentenceFailed")
    assert world.condition("Servable") == ("True", "Serving")
    assert [q.digest for q in world.status.quarantined] == [second]
    assert world.listed["consent-vi"] == world.status.current_revision == first
    assert world.ready("principles-vi") == ("True", "Serving")


def test_a_first_revision_that_answers_wrongly_says_so_and_nothing_else_changes(world: SharedWorld) -> None:
    world.digests["new-vi"] = "e" * 64
    world.bad["e" * 64] = "golden"
    world.add("new-vi")
    for _ in range(10):
        world.look("new-vi")
        world.look_at_group()
        world.kubernetes()
        world.now += timedelta(seconds=1)
    assert world.ready("new-vi") == ("False", "GoldenSentenceFailed")
    assert world.condition("Servable")[0] == "False"
    assert world.ready("principles-vi") == ("True", "Serving")


def test_one_that_did_not_answer_well_is_tried_again_after_another_fetch(world: SharedWorld) -> None:
    before = sharing.entry(world.model_of("consent-vi"), "a" * 64, "job-1")
    assert sharing.entry(world.model_of("consent-vi"), "a" * 64, "job-2") != before


def test_a_suspended_model_goes_on_as_it_is(world: SharedWorld) -> None:
    first = world.digests["consent-vi"]
    world.on("consent-vi").change({"suspend": True})
    world.publish_of("consent-vi", "v2")
    for _ in range(3):
        world.look("consent-vi")
        world.look_at_group()
        world.kubernetes()
    assert world.listed["consent-vi"] == first
    assert world.answers("consent-vi")


def test_what_somebody_wrote_onto_the_list_or_took_from_it_is_repaired(world: SharedWorld) -> None:
    data = world.all("ConfigMap")
    shared = next(body for body in data if body["metadata"]["name"] == SHARED)
    shared["data"]["stray"] = "no digest"
    del shared["data"]["consent-vi"]
    (action,) = world.decide_group()
    assert isinstance(action, Patch)
    world.look_at_group()
    assert world.listed == world.digests
    del world.objects["InferenceService", SHARED]
    assert told(world.decide_group())[0] == f"apply InferenceService {SHARED}"


def test_an_object_of_that_name_that_is_somebody_elses_is_left_alone() -> None:
    world = SharedWorld("principles-vi")
    world.put({"kind": "InferenceService", "metadata": {"name": SHARED}, "spec": {"predictor": {}}})
    for _ in range(8):
        world.look("principles-vi")
        world.look_at_group()
        for job in world.all("Job"):
            if "status" not in job:
                world.fetched(job)
    assert world.ready("principles-vi") == ("False", "NameConflict")


def test_a_pod_is_told_once_that_its_list_has_changed(world: SharedWorld) -> None:
    world.publish_of("consent-vi", "v2")
    hurried = []
    for _ in range(12):
        world.look("consent-vi")
        actions = told(world.decide_group())
        assert not (
            {"patch ConfigMap " + SHARED} & set(actions) and any("patch Pod" in a for a in actions)
        ), "a kubelet might bring the list of before"
        hurried += [action for action in actions if action.startswith("patch Pod")]
        world.look_at_group()
        world.kubernetes()
        world.now += timedelta(seconds=1)
    assert len(hurried) == 1


def test_of_a_predictor_that_does_not_tell_just_now_is_believed_what_it_said_before(
    world: SharedWorld,
) -> None:
    (pod,) = world.pods_of(SHARED)
    world.hosts[pod.uid]["consent-vi"] = None  # type: ignore[assignment]
    world.look("consent-vi")
    assert world.ready("consent-vi") == ("True", "Serving")


@pytest.mark.parametrize("ended", [None, "OOMKilled"])
def test_what_the_process_ended_of_while_loading_is_that_models_fault_alone(
    world: SharedWorld, ended: str | None
) -> None:
    first, second = world.digests["consent-vi"], world.publish_of("consent-vi", "v2")
    for _ in range(4):
        world.look("consent-vi")
        world.look_at_group()
        world.kubernetes()
    for pod in world.all("Pod"):
        if pod["metadata"]["uid"] in world.hosts:
            last = {"terminated": {"exitCode": 137, "reason": ended or "Error", "finishedAt": world._stamp()}}
            container = pod["status"]["containerStatuses"][0]
            container |= {"lastState": last, "restartCount": 1}
            hosted = world.hosts[pod["metadata"]["uid"]]
            entry = world.objects["ConfigMap", SHARED]["data"]["consent-vi"]
            said = "The predictor ended twice while it loaded this revision, and leaves it alone for an hour."
            hosted["consent-vi"] = type(hosted["principles-vi"])(entry, first, second, said)
    for name in NAMES:
        world.look(name)
    world.look("consent-vi")
    (entry,) = world.model_of("consent-vi").status.quarantined
    assert entry.reason == (Reason.OOM_KILLED if ended else Reason.CRASHING)
    assert ("operator.sharedPredictor.resources" in entry.message) == bool(ended)
    assert world.ready("principles-vi") == ("True", "Serving")


def test_that_the_process_ends_again_and_again_is_held_against_nobody_whom_it_does_not_name(
    world: SharedWorld,
) -> None:
    for name in ("consent-vi", "retention-vi"):
        world.publish_of(name, "v2")
        for _ in range(4):  # fetched, listed, and not taken up yet
            world.look(name)
            world.look_at_group()
            world.kubernetes()
        assert world.status.rollout is not None
    world.now += timedelta(seconds=5)
    for pod in world.all("Pod"):
        if pod["metadata"]["uid"] in world.hosts:
            last = {"terminated": {"exitCode": 139, "reason": "Error", "finishedAt": world._stamp()}}
            container = pod["status"]["containerStatuses"][0]
            container |= {"lastState": last, "restartCount": 3, "ready": False}
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
            world.hosts[pod["metadata"]["uid"]] = {}
    for name in NAMES:
        world.look(name)
        world.look(name)
        assert world.model_of(name).status.quarantined == ()


# In any order


class Neighbours(RuleBasedStateMachine):
    """Three Models on one claim, moved, changed, deleted and made again, with an operator that crashes."""

    names = st.sampled_from(NAMES)

    @initialize()
    def begin(self) -> None:
        self.world = SharedWorld(*NAMES)
        self.world.everybody()
        self.count = 0

    @rule(name=names, after=st.sampled_from([None, 0, 1, 2]))
    def look(self, name: str, after: int | None) -> None:
        if name in self.world.bodies:
            self.world.look(name, crash_after=after)

    @rule(after=st.sampled_from([None, 0, 1, 2]))
    def look_at_group(self, after: int | None) -> None:
        self.world.look_at_group(crash_after=after)

    @rule(name=names, placement=st.sampled_from(["own", "shared"]))
    def move(self, name: str, placement: str) -> None:
        if name in self.world.bodies:
            self.world.move(name, placement)

    @rule(name=names, fault=st.sampled_from([None, "golden", "mute"]))
    def new_revision(self, name: str, fault: str | None) -> None:
        if name in self.world.bodies:
            self.count += 1
            digest = self.world.publish_of(name, f"v{self.count}")
            if fault:
                self.world.bad[digest] = fault

    @rule(name=names)
    def made_again(self, name: str) -> None:
        if name in self.world.bodies:
            self.world.remove(name)
        self.world.add(name)

    @rule(name=names)
    def removed(self, name: str) -> None:
        if name in self.world.bodies:
            self.world.remove(name)

    @rule()
    def kubernetes(self) -> None:
        self.world.kubernetes()

    @rule(late=st.booleans())
    def follow(self, late: bool) -> None:
        self.world.follow(late=late)

    @rule(seconds=st.sampled_from([1, 5, 20]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @invariant()
    def callers_get_an_answer_where_status_sends_them(self) -> None:
        for name, body in self.world.bodies.items():
            servable = self.world.on(name).status.condition("Servable")
            if servable is not None and servable.status == "True":
                assert self.world.answers(name), (name, body["status"]["inferenceService"])

    @invariant()
    def what_is_listed_belongs_to_a_model(self) -> None:
        group, _ = self.world.group()
        assert set(group.entries) <= set(self.world.bodies)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.bad.clear()
        for name in world.bodies:
            world.on(name).body["metadata"]["annotations"] = {"veriaidpo.verisyntra.vn/fetch-again": "1"}
        for _ in range(14):
            for name in world.bodies:
                world.look(name)
            world.look_at_group()
            world.kubernetes()
            world.now += timedelta(seconds=15)
        assert {world.ready(name) for name in world.bodies} <= {("True", "Serving")}
        assert world.decide_group() == ()
        sharing_now = {m.name for m in world.models if places.shared(m)}
        assert set(world.listed) == sharing_now
        assert (world.get("InferenceService", SHARED) is not None) == bool(sharing_now)
        owned = {s["metadata"]["name"] for s in world.all("InferenceService")} - {SHARED}
        assert owned == set(world.bodies) - sharing_now


TestNeighbours = Neighbours.TestCase
TestNeighbours.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
