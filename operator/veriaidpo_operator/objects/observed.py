"""What was seen of a Model's children: the few facts that decisions need. reading.py makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects.fetch_words import FetchResult, Progress


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
    access_modes: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        """Tell whether nobody may write to it: what is published there, somebody else put there."""
        return bool(self.access_modes) and set(self.access_modes) == {"ReadOnlyMany"}


@dataclass(frozen=True, slots=True)
class Job(Child):
    """A fetch Job."""

    succeeded: bool
    failed: bool
    failed_reason: str
    failed_message: str
    ended: datetime | None
    waiting_for_pods: str = ""
    """Why the Job controller could not make a pod, when it said so in an event."""

    @property
    def live(self) -> bool:
        """Tell whether it may still have, or make, a running pod; also while it is being deleted."""
        return not (self.succeeded or self.failed)


@dataclass(frozen=True, slots=True)
class Hosted:
    """What a pod of a shared predictor says of one Model; digests, empty for none."""

    listed: str = ""
    """The entry of the list that it has taken up."""
    serving: str = ""
    """The revision that answers."""
    refused: str = ""
    reason: str = ""
    """Why the refused one does not answer, a sentence."""


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
    unmounted: str = ""
    """Why a volume of it cannot be mounted; looked up only for a pod that does not start."""
    without_sandbox: str = ""
    """Why its node cannot make a place for its containers; looked up at the same time."""
    hosted: Hosted | None = None
    """Set for a pod of a shared predictor that tells of its models."""
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


@dataclass(frozen=True, slots=True)
class Listing(Child):
    """The ConfigMap that a shared predictor follows: entries by the name of the Model."""

    entries: Mapping[str, str]
    version: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A predictor other than the one that shall serve the Model."""

    service: Service
    answering: int
    """Pods that answer for the Model."""


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
    """The InferenceService that shall serve the Model; so with its Deployment and its pods."""
    deployment: Deployment | None = None
    headless: bool = False
    """Whether the predictor's Service has no address of its own, so that its port is the container's."""
    listed: str = ""
    """The Model's entry in the list of the shared predictor."""
    before: Place | None = None
    """The predictor that status tells callers of, when it is another one."""
    left: Service | None = None
    """The Model's own InferenceService, when it is to be served beside others."""
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
