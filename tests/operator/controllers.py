"""What Kubernetes and KServe do to a Model's objects, in the best case and in those that tests want."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from veriaidpo_operator.api import Json

from .stored import Stored

DIGEST = "ab" * 32
COMMIT = "c0ffee" + "0" * 34
DAMAGE = f"onnx/model.onnx of revision {DIGEST[:12]} has another sha256 than published."


class Controllers(Stored):
    """Play their part, as far as it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.body: Json = {}
        """The Model that they belong to."""
        self.runtime_known = True
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
