"""One object of a Model as it was seen: the few facts that decisions need. reading.py makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects.fetch_words import FetchResult
from veriaidpo_operator.objects.words import Heard


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
    up: bool = False
    """Whether its node last said that its containers are ready. If it is not `ready`, its node is lost."""
    said: str = ""
    """What its readiness probe is told; asked only of a predictor that runs and is not ready."""
    says_ready: bool = False
    """Whether it was told just now that the pod is ready, of which its node has not told yet."""
    unreachable: bool = False
    """Whether nobody was there to be asked, not even to refuse."""

    @property
    def container(self) -> Json:
        """The container that counts, as it is in the pod's spec."""
        found: Json = self.raw["spec"]["containers"][0]
        return found

    @property
    def well(self) -> bool:
        """Tell whether it answers, or did when its node was last heard of."""
        return self.ready or self.up or self.says_ready

    @property
    def silent(self) -> bool:
        """Tell whether it runs and does not answer, so that it may be asked why."""
        return not (self.job or self.ready or self.deleting) and self.phase == "Running" and bool(self.ip)

    def heard(self, what: Heard) -> "Pod":
        """Return it with what came of asking it."""
        return replace(self, said=what.said, says_ready=what.ready, unreachable=not what.reached)

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
