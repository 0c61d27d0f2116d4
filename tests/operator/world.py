"""A cluster in memory: it stores what the operator makes and plays Kubernetes' and KServe's own part.

The objects are raw JSON, so that the operator's readers are part of what is tested.
"""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from veriaidpo_operator.api import MANAGER, Json, Model, parse
from veriaidpo_operator.decisions.actions import Action, Apply, Create, Delete, Patch
from veriaidpo_operator.decisions.plan import Plan, plan
from veriaidpo_operator.objects import reading
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.objects.words import Heard
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.settings import Settings

DIGEST = "ab" * 32
OTHER_DIGEST = "cd" * 32
COMMIT = "c0ffee" + "0" * 34
SETTINGS = Settings(namespace="ns", predictor_image="predictor:1", fetch_image="fetch:1")
START = datetime(2026, 1, 1, tzinfo=UTC)
GOLDEN = "Golden sentence 2 got consent, not duty."
DAMAGE = f"onnx/model.onnx of revision {DIGEST[:12]} has another sha256 than published."
SPEC: Json = {
    "modelType": "principles",
    "language": "vi",
    "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "B"}],
    "source": {"uri": "hf://owner/principles-vi"},
}


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    """Return one with the other merged in; None removes."""
    result = dict(one)
    for key, value in other.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def revision_of(pod: Json) -> str:
    """Return the revision that a predictor's pod serves."""
    args = pod["spec"]["containers"][0].get("args") or ["", ""]
    return str(args[1]).rpartition("/")[2] if args[0] == "serve" else ""


class World:
    """One namespace with one Model."""

    def __init__(self, spec: Mapping[str, Any] | None = None, settings: Settings = SETTINGS) -> None:
        self.now = START
        self.settings = settings
        self.objects: dict[tuple[str, str], Json] = {}
        self.runtime_known = True
        self.progress: Progress | None = None
        self.events: list[str] = []
        self.most_live_jobs = 0
        self.writes = 0
        """How often a status was written that differs from the one before."""
        self.bad: dict[str, str] = {}
        """How a revision fares that does not do well: golden, crash, damaged or mute.

        Or how its pods look, whatever it is worth: lost (their node was taken for lost), unheard (nobody is
        there to be asked) or untold (the pod says that it is ready, and its node has not yet).
        """
        self.digest = DIGEST
        """What the source holds now."""
        self.conversion: Json | None = None
        self.calibration: Json | None = None
        self.warnings: list[str] = []
        self.away = ""
        """Why the source cannot be asked; what was fetched before is adopted then."""
        self._uids = 0
        self.body: Json = {}
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

    # the API server

    def get(self, kind: str, name: str) -> Json | None:
        return self.objects.get((kind, name))

    def all(self, kind: str) -> list[Json]:
        return [body for (k, _), body in sorted(self.objects.items()) if k == kind]

    def put(self, body: Json) -> Json:
        """Store an object the way the API server does."""
        body = copy.deepcopy(body)
        meta = body["metadata"]
        meta |= {"uid": self._uid(), "creationTimestamp": self._stamp(), "generation": 1}
        self.objects[body["kind"], meta["name"]] = body
        return body

    def act(self, action: Action) -> None:
        match action:
            case Create(body):
                if (body["kind"], body["metadata"]["name"]) not in self.objects:
                    self.put(body)
            case Apply(body):
                self._apply(body)
            case Patch(kind, name, uid, body):
                there = self.get(kind, name)
                if there and there["metadata"]["uid"] == uid:
                    self.objects[kind, name] = merged(there, body)
                    self.edited(self.objects[kind, name], MANAGER)
            case Delete(kind, name, uid):
                there = self.get(kind, name)
                if there and there["metadata"]["uid"] == uid:
                    there["metadata"]["deletionTimestamp"] = self._stamp()
        live = [j for j in self.all("Job") if reading.job(j).live]
        self.most_live_jobs = max(self.most_live_jobs, len(live))

    def _apply(self, body: Json) -> None:
        there = self.get(body["kind"], body["metadata"]["name"])
        if there is None:
            self.put(body)
        elif (
            there["spec"] != body["spec"] or merged(there["metadata"], body["metadata"]) != there["metadata"]
        ):
            there["spec"] = copy.deepcopy(body["spec"])
            there["metadata"] = merged(there["metadata"], body["metadata"])
            self.edited(there, MANAGER)

    def edited(self, there: Json, manager: str, subresource: str = "") -> None:
        """Note that somebody wrote to an object the way the API server does."""
        entry = {"manager": manager, "time": self._stamp()} | (
            {"subresource": subresource} if subresource else {}
        )
        entries = there["metadata"].setdefault("managedFields", [])
        same = (manager, subresource)
        entries[:] = [e for e in entries if (e["manager"], e.get("subresource", "")) != same] + [entry]
        there["metadata"]["generation"] += not subresource

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

    # Kubernetes and KServe

    def kubernetes(self, *, digest: str | None = None) -> None:
        """Let the controllers do everything that can be done, in the best case."""
        self._collect()
        self.bind()
        for job in self.all("Job"):
            if not job.get("status", {}).get("conditions"):
                result: Json = {"reason": "Published", "digest": digest or self.digest, "commit": COMMIT}
                result |= {"format": "onnx-fp32", "conversion": self.conversion}
                result |= {"calibration": self.calibration, "warnings": self.warnings}
                if self.away:
                    result |= {"reason": "Adopted", "sourceAway": self.away}
                self.finish(job, result)
        if self.runtime_known:
            self.kserve()
            self.roll()

    def _collect(self) -> None:
        """Remove what is being deleted, with its pods, and pods whose Job has gone."""
        self.objects = {k: b for k, b in self.objects.items() if "deletionTimestamp" not in b["metadata"]}
        uids = {b["metadata"]["uid"] for b in self.objects.values()} | {self.body["metadata"]["uid"]}
        self.objects = {
            k: b
            for k, b in self.objects.items()
            if all(o["uid"] in uids for o in b["metadata"].get("ownerReferences", []))
        }

    def bind(self) -> None:
        for claim in self.all("PersistentVolumeClaim"):
            claim["status"] = {"phase": "Bound"}

    def start(self, job: Json) -> Json:
        """Make the Job's pod, running."""
        pod = self.put(
            {
                "kind": "Pod",
                "metadata": {
                    "name": f"{job['metadata']['name']}-{self._uids}",
                    "labels": job["metadata"]["labels"],
                    "ownerReferences": [{"kind": "Job", "uid": job["metadata"]["uid"]}],
                },
                "spec": copy.deepcopy(job["spec"]["template"]["spec"]),
            }
        )
        pod["status"] = {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "containerStatuses": [{"state": {"running": {}}}],
        }
        return pod

    def finish(self, job: Json, result: Mapping[str, Any] | None, exit_code: int = 0) -> None:
        """End a Job with what its pod says."""
        if result and result.get("reason") == "Published" and self.bad.get(result["digest"]) == "damaged":
            del self.bad[result["digest"]]
        self._end_pod(self.start(job), json.dumps(result) if result else "", exit_code)
        condition = {"type": "Failed" if exit_code else "Complete", "status": "True"}
        condition |= {"lastTransitionTime": self._stamp(), "reason": "PodFailurePolicy" if exit_code else ""}
        job["status"] = {"conditions": [condition]}

    def fail(self, reason: str, exit_code: int = 12) -> None:
        """End the live Job with a failure of the fetch."""
        job = next(j for j in self.all("Job") if not j.get("status", {}).get("conditions"))
        self.finish(job, {"reason": reason, "message": f"It was {reason}"}, exit_code)

    def _end_pod(self, pod: Json, message: str, exit_code: int) -> None:
        ended = {"exitCode": exit_code, "message": message, "finishedAt": self._stamp()}
        ended["reason"] = "Error" if exit_code else "Completed"
        pod["status"] = {
            "phase": "Failed" if exit_code else "Succeeded",
            "containerStatuses": [{"state": {"terminated": ended}}],
        }

    def kserve(self) -> None:
        """Turn the InferenceService into its Deployment; no pod is ready yet."""
        for service in self.all("InferenceService"):
            name = service["metadata"]["name"]
            predictor = service["spec"]["predictor"]
            deployment = self.get("Deployment", f"{name}-predictor")
            template = {"spec": {"containers": copy.deepcopy(predictor["containers"])}}
            if deployment is None:
                owner = {"kind": "InferenceService", "uid": service["metadata"]["uid"]}
                meta = {"name": f"{name}-predictor", "ownerReferences": [owner]}
                deployment = self.put({"kind": "Deployment", "metadata": meta, "spec": {}})
            wanted = {"replicas": predictor["minReplicas"], "template": template}
            if deployment["spec"] != wanted:
                deployment["spec"] = wanted
                deployment["metadata"]["generation"] += 1
                old = deployment.get("status", {}).get("readyReplicas", 0)
                deployment["status"] = {
                    "observedGeneration": deployment["metadata"]["generation"],
                    "replicas": old + 1,
                    "updatedReplicas": 1,
                    "readyReplicas": old,
                    "availableReplicas": old,
                }
            service.setdefault("status", {})["observedGeneration"] = service["metadata"]["generation"]

    def roll(self) -> None:
        """Let every rollout succeed whose revision is not a bad one."""
        for deployment in self.all("Deployment"):
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            fault = self.bad.get(container["args"][1].rpartition("/")[2])
            self.predictor(deployment, fault)
            if fault:
                ready = deployment["status"]["readyReplicas"]
                if ready and deployment["status"]["replicas"] == deployment["status"]["updatedReplicas"]:
                    deployment["status"] |= {"readyReplicas": 0, "availableReplicas": 0}
                return
            count = deployment["spec"]["replicas"]
            deployment["status"] = {
                "observedGeneration": deployment["metadata"]["generation"],
                **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count),
            }
        for service in self.all("InferenceService"):
            url = f"http://{service['metadata']['name']}-predictor.ns.svc.cluster.local"
            service["status"] = {
                "observedGeneration": service["metadata"]["generation"],
                "address": {"url": url},
                "conditions": [{"type": "Ready", "status": "True"}],
            }

    def predictor(self, deployment: Json, fault: str | None) -> None:
        """Make the pod of the newest template; the others go once it is ready."""
        name = deployment["metadata"]["name"]
        template = deployment["spec"]["template"]["spec"]
        owner = {"kind": "ReplicaSet", "uid": deployment["metadata"]["uid"]}
        mine = [p for p in self.all("Pod") if owner in p["metadata"].get("ownerReferences", [])]
        pod = next((p for p in mine if p["spec"] == template), None)
        if pod is None:
            meta = {"name": f"{name}-{self._uids}", "ownerReferences": [owner], "labels": {}}
            pod = self.put({"kind": "Pod", "metadata": meta, "spec": copy.deepcopy(template)})
        status: Json = {"phase": "Running", "podIP": "10.0.0.2", "conditions": []}
        running = {"state": {"running": {}}, "restartCount": 0}
        if fault in {"crash", "damaged"}:
            said = json.dumps({"reason": "NotServed", "message": DAMAGE if fault == "damaged" else "No."})
            last = {"terminated": {"exitCode": 1, "reason": "Error", "message": said}}
            running = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last}
            running["restartCount"] = 2
        elif fault == "lost":
            status["conditions"] = [{"type": "ContainersReady", "status": "True"}]
        elif fault is None:
            status["conditions"] = [{"type": "Ready", "status": "True"}]
        pod["status"] = status | {"containerStatuses": [running]}
        # What is in the way of a new pod goes when that is ready; what never got ready goes at once.
        for other in mine:
            was_ready = other.get("status", {}).get("conditions")
            if other is not pod and (fault is None or not was_ready):
                del self.objects["Pod", other["metadata"]["name"]]

    def _uid(self) -> str:
        self._uids += 1
        return f"uid-{self._uids}"

    def _stamp(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")


def fetching(spec: Json | None = None) -> World:
    """Return a world whose fetch Job has just been made."""
    world = World(spec)
    for _ in range(3):
        world.reconcile()
    world.bind()
    return world
