"""Raw API objects turned into what was observed. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects.children import Child, Claim, Deployment, Hosted, Job, Listing, Pod, Service


def _child(raw: Mapping[str, Any]) -> dict[str, Any]:
    meta = raw["metadata"]
    return {
        "name": meta["name"],
        "uid": meta["uid"],
        "labels": meta.get("labels") or {},
        "annotations": meta.get("annotations") or {},
        "owners": tuple(owner["uid"] for owner in meta.get("ownerReferences") or ()),
        "deleting": "deletionTimestamp" in meta,
        "created": _time(meta["creationTimestamp"]),
        "raw": raw,
    }


def _time(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None


def _conditions(raw: Mapping[str, Any]) -> dict[str, Json]:
    return {c["type"]: c for c in (raw.get("status") or {}).get("conditions") or ()}


def _true(condition: Mapping[str, Any] | None) -> bool:
    return condition is not None and condition.get("status") == "True"


def child(raw: Mapping[str, Any]) -> Child:
    """Read an object of which only its being there counts."""
    return Child(**_child(raw))


def claim(raw: Mapping[str, Any]) -> Claim:
    """Read a PersistentVolumeClaim."""
    asked = ((raw.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return Claim(
        **_child(raw),
        phase=(raw.get("status") or {}).get("phase", "Pending"),
        requested=str(asked.get("storage", "")),
        access_modes=tuple((raw.get("spec") or {}).get("accessModes") or ()),
    )


def listing(raw: Mapping[str, Any]) -> Listing:
    """Read the ConfigMap that a shared predictor follows."""
    meta = raw["metadata"]
    version = meta.get("resourceVersion", "")
    return Listing(**_child(raw), entries=raw.get("data") or {}, version=version, changed=_changed(meta))


def claim_of(raw: Mapping[str, Any]) -> str:
    """Read which claim an InferenceService, or a pod, serves from; empty when it names none."""
    spec = raw["spec"]
    volumes = spec.get("predictor", spec).get("volumes") or ()
    claims = (v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v)
    return next(claims, "")


def job(raw: Mapping[str, Any]) -> Job:
    """Read a Job."""
    conditions = _conditions(raw)
    complete, failed = conditions.get("Complete"), conditions.get("Failed")
    ended = (failed if _true(failed) else complete) or {}
    return Job(
        **_child(raw),
        succeeded=_true(complete),
        failed=_true(failed),
        failed_reason=(failed or {}).get("reason", ""),
        failed_message=(failed or {}).get("message", ""),
        ended=_time(ended.get("lastTransitionTime")),
    )


def pod(raw: Mapping[str, Any], said: str = "", hosted: Hosted | None = None) -> Pod:
    """Read a pod with one container that counts (its first)."""
    status = raw.get("status") or {}
    container: Json = next(iter(status.get("containerStatuses") or ()), {})
    state, last = container.get("state") or {}, container.get("lastState") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    waiting = state.get("waiting") or {}
    conditions = _conditions(raw)
    scheduled = conditions.get("PodScheduled") or {}
    owners = raw["metadata"].get("ownerReferences") or ()
    return Pod(
        **_child(raw),
        job=next((o["uid"] for o in owners if o["kind"] == "Job"), ""),
        ip=status.get("podIP", ""),
        phase=status.get("phase", "Pending"),
        ready=_true(conditions.get("Ready")),
        up=_true(conditions.get("ContainersReady")),
        image=raw["spec"]["containers"][0].get("image", ""),
        unschedulable=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        ended_reason=ended.get("reason", ""),
        exit_code=ended.get("exitCode"),
        ended_at=_time(ended.get("finishedAt")),
        message=ended.get("message") or status.get("message", ""),
        status_reason=status.get("reason", ""),
        restarts=container.get("restartCount", 0),
        said=said,
        hosted=hosted,
    )


def service(raw: Mapping[str, Any]) -> Service:
    """Read an InferenceService."""
    status = raw.get("status") or {}
    conditions = _conditions(raw)
    predictor = conditions.get("PredictorReady") or conditions.get("Ready") or {}
    url = (status.get("address") or {}).get("url", "")
    return Service(
        **_child(raw),
        generation=raw["metadata"].get("generation", 0),
        seen_generation=status.get("observedGeneration", 0),
        ready=_true(conditions.get("Ready")),
        not_ready_reason=predictor.get("reason", ""),
        not_ready_message=predictor.get("message", ""),
        host=url.partition("://")[2].partition("/")[0].partition(":")[0],
        changed=_changed(raw["metadata"]),
    )


def _changed(meta: Mapping[str, Any]) -> datetime:
    entries = (f for f in meta.get("managedFields") or () if f.get("subresource") != "status")
    times: list[datetime] = [_time(f["time"]) for f in entries if "time" in f]
    return max(times, default=_time(meta["creationTimestamp"]))


def deployment(raw: Mapping[str, Any]) -> Deployment:
    """Read a predictor's Deployment."""
    status = raw.get("status") or {}
    conditions = _conditions(raw)
    progressing = conditions.get("Progressing") or {}
    container = raw["spec"]["template"]["spec"]["containers"][0]
    refused = conditions.get("ReplicaFailure")
    return Deployment(
        generation=raw["metadata"].get("generation", 0),
        seen_generation=status.get("observedGeneration", 0),
        wanted=raw["spec"].get("replicas", 1),
        total=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        ready=status.get("readyReplicas", 0),
        stalled=progressing.get("message", "")
        if progressing.get("reason") == "ProgressDeadlineExceeded"
        else "",
        replica_failure=refused.get("message", "") if refused is not None and _true(refused) else "",
        args=tuple(container.get("args") or ()),
        image=container.get("image", ""),
    )
