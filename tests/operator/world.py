"""A cluster in memory with one Model: what its user does, the operator, and all the others.

The objects are raw JSON, so that the operator's readers are part of what is tested.
"""

import copy
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from veriaidpo_operator.api import Json, Model, parse
from veriaidpo_operator.decisions.plan import Plan, plan
from veriaidpo_operator.objects import reading
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.objects.words import Heard
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.settings import Settings

from .controllers import COMMIT, DAMAGE, DIGEST, Controllers
from .stored import START, merged

__all__ = ["COMMIT", "DAMAGE", "DIGEST", "START", "merged"]

OTHER_DIGEST = "cd" * 32
SETTINGS = Settings(namespace="ns", predictor_image="predictor:1", fetch_image="fetch:1")
GOLDEN = "Golden sentence 2 got consent, not duty."
SPEC: Json = {
    "modelType": "principles",
    "language": "vi",
    "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "B"}],
    "source": {"uri": "hf://owner/principles-vi"},
}


def revision_of(pod: Json) -> str:
    """Return the revision that a predictor's pod serves."""
    args = pod["spec"]["containers"][0].get("args") or ["", ""]
    return str(args[1]).rpartition("/")[2] if args[0] == "serve" else ""


class World(Controllers):
    """One namespace with one Model."""

    def __init__(self, spec: Mapping[str, Any] | None = None, settings: Settings = SETTINGS) -> None:
        super().__init__()
        self.settings = settings
        self.progress: Progress | None = None
        self.events: list[str] = []
        self.writes = 0
        """How often a status was written that differs from the one before."""
        self.new_model(merged(SPEC, spec or {}))

    # the user

    def new_model(self, spec: Json) -> None:
        """Make the Model, a new one even if there was one."""
        self.body = {
            "metadata": {
                "name": "principles-vi",
                "namespace": "ns",
                "uid": self._uid(),
                "generation": 1,
                "creationTimestamp": self._stamp(),
                "annotations": {},
            },
            "spec": spec,
        }

    def change(self, spec: Mapping[str, Any]) -> None:
        """Change the Model's spec."""
        self.body["spec"] = merged(self.body["spec"], spec)
        self.body["metadata"]["generation"] += 1

    def publish(self, revision: str, digest: str) -> None:
        """Publish other bytes under another name, and want them."""
        self.digest = digest
        self.change({"source": {"revision": revision}})

    def delete_model(self) -> None:
        """Delete the Model; what it owns goes with it, all at once."""
        uid = self.body["metadata"]["uid"]
        for key, body in list(self.objects.items()):
            if any(o["uid"] == uid for o in body["metadata"].get("ownerReferences", [])):
                del self.objects[key]
        self._collect()

    # the operator

    @property
    def model(self) -> Model:
        return parse(self.body)

    @property
    def status(self) -> Status:
        return self.model.status

    def decide(self) -> Plan:
        return plan(self.model, self.observe(), self.settings, self.now)

    def reconcile(self, *, crash_after: int | None = None, lost: bool = False) -> Plan:
        """Run the operator once.

        It may crash after so many actions, before it writes the status; or that write alone may be lost.
        """
        return self.carry_out(self.decide(), crash_after=crash_after, lost=lost)

    def carry_out(self, decided: Plan, *, crash_after: int | None = None, lost: bool = False) -> Plan:
        """Do what was decided, maybe some time ago."""
        for number, action in enumerate(decided.actions):
            if number == crash_after:
                return decided
            self.act(action)
        if crash_after is None and not lost:
            said = json.loads(json.dumps(decided.status.to_json()))
            self.writes += said != self.body.get("status")
            self.body["status"] = said
        return decided

    def settle(self, rounds: int = 30) -> None:
        """Let everybody do their part until nothing changes any more."""
        for _ in range(rounds):
            before = copy.deepcopy((self.body, self.objects))
            self.reconcile()
            self.kubernetes()
            if before == (self.body, self.objects):
                return
            self.now += timedelta(seconds=1)
        raise AssertionError(f"it does not settle: {self.condition('Ready')}")

    def condition(self, kind: str) -> tuple[str, str]:
        condition = self.status.condition(kind)
        return (condition.status, condition.reason) if condition else ("", "")

    def message(self, kind: str = "Ready") -> str:
        """Return what a condition says."""
        condition = self.status.condition(kind)
        assert condition is not None
        return condition.message

    # what it sees

    def says(self, pod: Json) -> Heard:
        """Return what a predictor's readiness probe is told."""
        fault = self.bad.get(revision_of(pod))
        return Heard(GOLDEN if fault == "golden" else "", fault == "untold", fault != "unheard")

    def observe(self) -> Observed:
        name = self.body["metadata"]["name"]
        claim_name = self.body["spec"].get("storage", {}).get("claimName") or f"{name}-model"
        claim = self.get("PersistentVolumeClaim", claim_name)
        service, deployment = self.get("InferenceService", name), self.get("Deployment", f"{name}-predictor")
        return Observed(
            claim=reading.claim(claim) if claim else None,
            jobs=tuple(reading.job(j) for j in self.all("Job")),
            orders=tuple(reading.child(c) for c in self.all("ConfigMap")),
            pods=tuple(reading.pod(p).heard(self.says(p)) for p in self.all("Pod")),
            runtime_known=self.runtime_known,
            service=reading.service(service) if service else None,
            deployment=reading.deployment(deployment) if deployment else None,
            progress=self.progress,
        )


def fetching(spec: Json | None = None) -> World:
    """Return a world whose fetch Job has just been made."""
    world = World(spec)
    for _ in range(3):
        world.reconcile()
    world.bind()
    return world
