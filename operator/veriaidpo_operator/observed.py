"""What was seen of a Model's children: raw API objects turned into the few facts that decisions need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from veriaidpo_operator.api import Json
from veriaidpo_operator.recorded import ConversionStatus


@dataclass(frozen=True, slots=True)
class Child:
    """What every object has."""

    name: str
    uid: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owners: tuple[str, ...]
    """UIDs of its owners."""
    deleting: bool
    created: datetime
    raw: Json = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Claim(Child):
    """A PersistentVolumeClaim."""

    phase: str
    requested: str
    """The size that is asked for, a quantity."""


@dataclass(frozen=True, slots=True)
class Job(Child):
    """A fetch Job."""

    succeeded: bool
    failed: bool
    failed_reason: str
    failed_message: str
    ended: datetime | None
    waiting_for_pods: str
    """Why the Job controller could not make a pod, when it said so in an event."""

    @property
    def live(self) -> bool:
        """Tell whether it may still have, or make, a running pod; also while it is being deleted."""
        return not (self.succeeded or self.failed)


class FetchResult(BaseModel):
    """What a fetch pod left behind as its termination message."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    reason: str
    message: str = ""
    digest: str | None = None
    commit: str | None = None
    bytes_total: int | None = None
    bytes_downloaded: int | None = None
    size_bytes: int | None = None
    format: str | None = None
    conversion: ConversionStatus | None = None
    revisions: tuple[str, ...] | None = None
    """Digests of all revisions on the volume, the newest first."""
    warnings: tuple[str, ...] = ()

    @property
    def published(self) -> bool:
        """Tell whether a revision is on the volume."""
        return self.reason in {"Published", "Adopted"} and self.digest is not None


@dataclass(frozen=True, slots=True)
class Pod(Child):
    """A pod of the fetch Job or of the predictor. Its containers are one, so their states are flat here."""

    job: str
    """UID of the Job that made it, else empty."""
    ip: str
    phase: str
    ready: bool
    image: str
    unschedulable: str
    waiting_reason: str
    waiting_message: str
    ended_reason: str
    """Reason of the last termination, also of a container that was started again since."""
    exit_code: int | None
    ended_at: datetime | None
    message: str
    """The last termination message, or why the pod as a whole failed."""
    status_reason: str
    restarts: int
    warnings: tuple[str, ...] = ()
    """Messages of Warning events, newest first; looked up only for a pod that does not start."""
    said: str = ""
    """What its readiness probe is told; asked only of a predictor that runs and is not ready."""

    @property
    def container(self) -> Json:
        """The container that counts, as it is in the pod's spec."""
        found: Json = self.raw["spec"]["containers"][0]
        return found

    @property
    def silent(self) -> bool:
        """Tell whether it runs and does not answer, so that it may be asked why."""
        return not (self.job or self.ready or self.deleting) and self.phase == "Running" and bool(self.ip)

    @property
    def result(self) -> FetchResult | None:
        """Return the fetch's own account, when there is one that can be read."""
        for line in reversed(self.message.strip().splitlines()):
            try:
                return FetchResult.model_validate_json(line)
            except ValidationError:
                continue
        return None


@dataclass(frozen=True, slots=True)
class Service(Child):
    """An InferenceService."""

    generation: int
    seen_generation: int
    ready: bool
    not_ready_reason: str
    not_ready_message: str
    host: str
    """Host name of status.address.url, or empty."""
    changed: datetime
    """When anybody last changed it, other than its status."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The Deployment KServe makes for a predictor."""

    generation: int
    seen_generation: int
    wanted: int
    total: int
    updated: int
    available: int
    ready: int
    stalled: str
    """Message of a rollout past its deadline, else empty."""
    replica_failure: str
    """Why pods cannot be made (a quota, an admission rule), else empty."""
    args: tuple[str, ...]
    image: str

    @property
    def rolled_out(self) -> bool:
        """Tell whether every pod is of the newest template, available, and none of a former one is left."""
        return (
            self.seen_generation >= self.generation
            and self.wanted > 0
            and self.updated == self.available == self.ready == self.total == self.wanted
        )


class Progress(BaseModel):
    """The answer of a fetch pod's /progress."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    state: str = ""
    bytes_total: int | None = None
    bytes_done: int | None = None
    percent: float | None = None
    bytes_per_second: float | None = None
    remaining_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at everything a Model has."""

    claim: Claim | None = None
    claim_warnings: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    orders: tuple[Child, ...] = ()
    """The ConfigMaps that tell a fetch what to do."""
    pods: tuple[Pod, ...] = ()
    runtime_known: bool = True
    """Whether the cluster knows InferenceServices at all."""
    service: Service | None = None
    deployment: Deployment | None = None
    headless: bool = False
    """Whether the predictor's Service has no address of its own, so that its port is the container's."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the API server said when it refused an object just now, by the object's kind."""
    progress: Progress | None = None
    downloads: int = 0
    """Other Models' fetch Jobs that run; looked up only when one more is about to be made."""

    def job(self, name: str) -> Job | None:
        """Return the fetch Job of that name."""
        return next((job for job in self.jobs if job.name == name), None)

    def pods_of(self, job: Job) -> tuple[Pod, ...]:
        """Return the Job's pods, newest first."""
        return tuple(
            sorted((p for p in self.pods if p.job == job.uid), key=lambda p: p.created, reverse=True)
        )

    @property
    def predictors(self) -> tuple[Pod, ...]:
        """The predictor's pods, newest first."""
        pods = (p for p in self.pods if not p.job and not p.deleting)
        return tuple(sorted(pods, key=lambda p: p.created, reverse=True))


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
    requests = ((raw.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return Claim(
        **_child(raw),
        phase=(raw.get("status") or {}).get("phase", "Pending"),
        requested=str(requests.get("storage", "")),
    )


def job(raw: Mapping[str, Any], warnings: Iterable[str] = ()) -> Job:
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
        waiting_for_pods=next(iter(warnings), ""),
    )


def pod(raw: Mapping[str, Any], warnings: Iterable[str] = (), said: str = "") -> Pod:
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
        warnings=tuple(warnings),
        said=said,
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
