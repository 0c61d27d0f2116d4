"""The operator may end between any two actions, and anything may fail in any order: it converges."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from veriaidpo_operator.api import FETCH_AGAIN
from veriaidpo_operator.decisions.actions import Create
from veriaidpo_operator.decisions.fetching import look
from veriaidpo_operator.decisions.plan import Plan
from veriaidpo_operator.decisions.revisions import good

from .world import DIGEST, OTHER_DIGEST, World

FAILURES = {"SourceUnreachable": 13, "SourceNotFound": 12, "OutOfSpace": 17, "Internal": 1}

FAULTS = ["golden", "crash", "mute", "damaged", "lost", "untold", "unheard"]


class Life(RuleBasedStateMachine):
    """A Model's life: the operator, its crashes, the user, the cluster and bad luck in any order."""

    @initialize(policy=st.sampled_from(["Retain", "Delete"]), replicas=st.integers(1, 3))
    def begin(self, policy: str, replicas: int) -> None:
        self.world = World({"storage": {"reclaimPolicy": policy}, "serving": {"minReplicas": replicas}})
        self.revision = self.again = 0
        self.decided: Plan | None = None
        self.digest = DIGEST

    @rule()
    def reconcile(self) -> None:
        self.world.reconcile()

    @rule(after=st.integers(0, 3))
    def crash(self, after: int) -> None:
        self.world.reconcile(crash_after=after)

    @rule()
    def the_write_of_the_status_is_lost(self) -> None:
        self.world.reconcile(lost=True)

    @rule()
    def look(self) -> None:
        self.decided = self.world.decide()

    @precondition(lambda self: self.decided is not None and not self.world.model.deleting)
    @rule()
    def replay(self) -> None:
        """Do once more what was decided some time ago, as a process that had been asleep would.

        It may start a fetch that is no longer wanted, which the next look ends; so here none is started
        beside another.
        """
        if self.decided is not None:
            actions = self.decided.actions
            if self.unfinished():
                actions = tuple(
                    a for a in actions if not (isinstance(a, Create) and a.object["kind"] == "Job")
                )
            self.world.carry_out(replace(self.decided, actions=actions, status=self.world.status))

    @rule(fault=st.sampled_from(FAULTS))
    def a_revision_turns_bad(self, fault: str) -> None:
        self.world.bad[self.digest] = fault

    @rule()
    def the_other_revision_is_damaged(self) -> None:
        self.world.bad[OTHER_DIGEST if self.digest == DIGEST else DIGEST] = "damaged"

    @rule()
    def bad_revisions_were_bad_luck(self) -> None:
        self.world.bad.clear()

    @rule(which=st.sampled_from([DIGEST[:12], OTHER_DIGEST, "0" * 12, None]))
    def pin(self, which: str | None) -> None:
        self.world.change({"pinnedRevision": which})

    @rule()
    def try_again(self) -> None:
        self.again += 1
        self.world.body["metadata"]["annotations"] = {FETCH_AGAIN: str(self.again)}

    @rule()
    def collect(self) -> None:
        self.world._collect()

    @rule()
    def bind(self) -> None:
        self.world.bind()

    def unfinished(self) -> bool:
        return any(
            "status" not in j and "deletionTimestamp" not in j["metadata"] for j in self.world.all("Job")
        )

    @precondition(unfinished)
    @rule(failure=st.sampled_from(sorted(FAILURES)))
    def fetch_fails(self, failure: str) -> None:
        job = next(j for j in self.world.all("Job") if "status" not in j)
        self.world.finish(job, {"reason": failure, "message": "bad luck"}, FAILURES[failure])

    @precondition(unfinished)
    @rule()
    def fetch_succeeds(self) -> None:
        job = next(j for j in self.world.all("Job") if "status" not in j)
        self.world.finish(job, {"reason": "Published", "digest": self.digest, "format": "onnx-fp32"})

    @precondition(unfinished)
    @rule()
    def the_source_is_away_and_what_was_fetched_stands_in(self) -> None:
        job = next(j for j in self.world.all("Job") if "status" not in j)
        digest = self.world.status.fetched_revision or self.digest
        said = {"reason": "Adopted", "digest": digest, "sourceAway": "It is away."}
        self.world.finish(job, {**said, "format": "onnx-fp32"})

    @rule()
    def kserve(self) -> None:
        self.world.kserve()

    @rule()
    def roll(self) -> None:
        self.world.kserve()
        self.world.roll()

    @rule()
    def pods_stop_answering(self) -> None:
        for deployment in self.world.all("Deployment"):
            deployment.setdefault("status", {}).update(readyReplicas=0, availableReplicas=0)

    @rule()
    def new_revision(self) -> None:
        self.revision += 1
        self.digest = OTHER_DIGEST if self.digest == DIGEST else DIGEST
        self.world.change({"source": {"revision": f"v{self.revision}"}})

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        self.world.change({"suspend": suspend})

    @rule()
    def scale(self) -> None:
        self.world.change({"serving": {"minReplicas": 2}})

    @rule(
        kind=st.sampled_from(
            ["PersistentVolumeClaim", "ConfigMap", "Job", "InferenceService", "Pod", "Deployment"]
        )
    )
    def somebody_deletes(self, kind: str) -> None:
        for body in self.world.all(kind):
            del self.world.objects[kind, body["metadata"]["name"]]

    @rule()
    def model_made_again(self) -> None:
        spec = self.world.body["spec"]
        self.world.delete_model()
        self.world.new_model(spec)

    @rule(seconds=st.sampled_from([1, 10, 60, 700]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule(known=st.booleans())
    def runtime(self, known: bool) -> None:
        self.world.runtime_known = known

    @invariant()
    def at_most_one_fetch_job_is_live(self) -> None:
        assert self.world.most_live_jobs <= 1

    @invariant()
    def servable_only_when_pods_are_ready(self) -> None:
        decided = self.world.decide()
        servable = decided.status.condition("Servable")
        ready = any(d.get("status", {}).get("readyReplicas") for d in self.world.all("Deployment"))
        assert servable is None or servable.status != "True" or ready

    @invariant()
    def a_quarantined_revision_is_not_what_shall_answer_while_there_is_a_good_one(self) -> None:
        status = self.world.status
        bad = {q.digest for q in status.quarantined}
        if status.target_revision in bad and status.rollout is not None:
            tried = next(q for q in status.quarantined if q.digest == status.target_revision)
            assert tried.trial != status.rollout.trial or not list(
                good(status, without=status.target_revision)
            )

    @invariant()
    def the_revision_to_go_back_to_is_another_one(self) -> None:
        status = self.world.status
        assert status.previous_revision is None or status.previous_revision != status.current_revision

    @invariant()
    def ready_only_when_servable(self) -> None:
        status = self.world.decide().status
        ready, servable = status.condition("Ready"), status.condition("Servable")
        if ready is not None and ready.status == "True":
            assert servable is not None
            assert servable.status == "True"

    @invariant()
    def a_source_that_is_away_is_asked_again_in_time(self) -> None:
        model, observed = self.world.model, self.world.observe()
        fetch = look(model, observed, self.world.settings, self.world.now)
        if fetch.stands_in is not None and not model.spec.suspend:
            rest = (fetch.stands_in.retry_at - self.world.now).total_seconds()
            assert rest <= 600
            assert self.world.decide().again <= max(rest, self.world.settings.resync_seconds)

    def teardown(self) -> None:
        """Whatever happened: once luck is good again the model is served, and nothing is left to do."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.runtime_known = True
        world.bad.clear()
        self.try_again()
        world.change({"suspend": False, "pinnedRevision": None})
        world.now += timedelta(hours=2)
        for _ in range(10):
            world.reconcile()
            world.kubernetes(digest=self.digest)
            world.now += timedelta(seconds=15)
        assert world.condition("Ready") == ("True", "Serving"), world.status
        assert world.status.current_revision == self.digest
        assert world.decide().actions == ()
        jobs, orders = world.all("Job"), world.all("ConfigMap")
        assert {o["metadata"]["name"] for o in orders} <= {j["metadata"]["name"] for j in jobs}


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# Nothing is written for nothing


@pytest.mark.parametrize("fault", [None, "golden", "crash", "mute", "damaged"])
def test_while_nothing_changes_nothing_is_done_and_at_most_a_status_a_minute_is_written(
    fault: str | None,
) -> None:
    """Whatever the state is that a Model is stuck in: looked at every 5 s, for an hour."""
    world = World({"serving": {"progressDeadlineSeconds": 60}})
    world.settle()
    if fault:
        world.bad = {OTHER_DIGEST: fault}
        world.publish("v2", OTHER_DIGEST)
    for _ in range(60):
        world.reconcile()
        world.kubernetes()
        world.now += timedelta(seconds=5)
    busiest = acted = 0
    for minute in range(60):
        before = world.writes
        for _ in range(12):
            for pod in world.all("Pod"):  # the kubelet starts a crashing container over and over
                for container in pod["status"].get("containerStatuses", []):
                    container["restartCount"] = container.get("restartCount", 0) + (minute % 5 == 0)
            acted += len(world.reconcile().actions)
            world.now += timedelta(seconds=5)
        busiest = max(busiest, world.writes - before)
    assert (busiest, acted) == (0, 0)


# What chance finds seldom, said outright


def test_the_next_fetch_starts_only_after_the_running_one_has_gone() -> None:
    world = World()
    for _ in range(3):
        world.reconcile()
    world.bind()
    world.start(world.all("Job")[0])
    world.change({"source": {"revision": "v2"}})
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["delete", "Job"]]
    assert world.reconcile().actions == ()
    world._collect()
    actions = [str(a).split()[:2] for a in world.reconcile().actions]
    assert actions == [["delete", "ConfigMap"], ["create", "ConfigMap"], ["create", "Job"]]


def test_what_a_fetch_is_told_comes_again_while_it_has_not_ended_and_goes_with_its_job() -> None:
    world = World()
    for _ in range(3):
        world.reconcile()
    (order,) = world.all("ConfigMap")
    del world.objects["ConfigMap", order["metadata"]["name"]]
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["create", "ConfigMap"]]
    assert world.decide().actions == ()
    world.settle()
    del world.objects["Job", order["metadata"]["name"]]
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["delete", "ConfigMap"]]


def made_again_before_the_children_went(world: World) -> None:
    """Replace the Model by a new one while the garbage collector has not come round yet."""
    spec = world.body["spec"]
    world.new_model(spec)
    world.reconcile()


def test_the_job_of_a_deleted_model_of_the_same_name_is_not_believed() -> None:
    world = World()
    world.settle()
    made_again_before_the_children_went(world)
    actions = [str(a).split()[:2] for a in world.reconcile().actions]
    assert actions == [["delete", "ConfigMap"], ["delete", "Job"]]
    assert world.condition("Ready") == ("False", "FetchStopping")
    assert world.status.target_revision is None


def test_the_service_of_a_deleted_model_of_the_same_name_is_waited_for() -> None:
    world = World()
    world.settle()
    service = world.get("InferenceService", "principles-vi")
    made_again_before_the_children_went(world)
    for _ in range(3):
        world.reconcile()
        world.objects = {k: b for k, b in world.objects.items() if "deletionTimestamp" not in b["metadata"]}
        for job in world.all("Job"):
            if "status" not in job:
                world.finish(job, {"reason": "Adopted", "digest": DIGEST})
    world.reconcile()
    assert world.condition("Ready") == ("False", "Replacing")
    assert world.get("InferenceService", "principles-vi") == service
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_a_service_kserve_has_not_looked_at_yet_is_not_ready() -> None:
    world = World()
    world.settle()
    world.all("InferenceService")[0]["metadata"]["generation"] += 1
    world.reconcile()
    assert world.condition("Ready") == ("False", "RollingOut")
