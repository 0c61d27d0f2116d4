"""What a Model's status remembers: all of the operator's memory is here."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Status(BaseModel):
    # A status may have been written by a newer operator: what is unknown is dropped, not refused.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Condition(_Status):
    """One condition, in the shape of metav1.Condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: AwareDatetime
    observed_generation: int = 0


class Revision(_Status):
    """A published revision that is on the volume."""

    digest: str
    commit: str | None = None
    size_bytes: int | None = None
    format: str | None = None
    published_at: AwareDatetime | None = None
    served_at: AwareDatetime | None = None
    """When it first answered everywhere: only such a revision is ever gone back to."""
    repairs: int = 0
    """How many damaged revisions the Model had seen when this one was last written to the volume."""


class DownloadStatus(_Status):
    """How far the fetch is."""

    bytes_total: int | None = None
    bytes_done: int | None = None
    percent: int | None = None
    bytes_per_second: int | None = None
    remaining_seconds: int | None = None
    attempt: int | None = None
    job: str | None = None


class InferenceServiceStatus(_Status):
    """Where the predictor answers."""

    name: str
    url: str | None = None
    ready_replicas: int = 0
    since: AwareDatetime | None = None
    """When it took over from another one, or first answered."""


class Quarantined(_Status):
    """A revision that was tried and is not to be served."""

    digest: str
    reason: str
    message: str
    time: AwareDatetime
    trial: str = ""
    """What exactly was tried (serving.trial): the same is not tried again, anything else is."""


class Rollout(_Status):
    """The trial of the revision that shall answer."""

    revision: str
    trial: str
    started_at: AwareDatetime
    replaces: str | None = None
    """The revision that answered when it began, if that was another one."""


class ConversionStatus(_Status):
    """What the fetch did to the weights, and what it measured of the result."""

    quantization: str = "none"
    gate: str = "NotRequested"
    agreement: float | None = None
    max_delta: float | None = None
    mean_delta: float | None = None
    speedup: float | None = None
    message: str | None = None


class CalibrationStatus(_Status):
    """What the fetch found the model's confidence to be worth, on labelled sentences."""

    sentences: int | None = None
    wrong: int | None = None
    temperature: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
    message: str | None = None


class SourceAway(_Status):
    """A source that could not be asked: what was fetched before stands in for what it has."""

    job: str
    """The fetch that found it so."""
    attempt: int = 1
    time: AwareDatetime
    retry_at: AwareDatetime
    """When it is asked again."""
    message: str


class Failure(_Status):
    """The last failure and the fetch Job it happened to."""

    reason: str
    message: str
    time: AwareDatetime
    fetch: str | None = None


class Status(_Status):
    """What was observed."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    revision: str | None = None
    progress: str | None = None
    format: str | None = None
    claim_name: str | None = None
    claim_uid: str | None = None
    current_revision: str | None = None
    target_revision: str | None = None
    previous_revision: str | None = None
    resolved_commit: str | None = None
    fetched_by: str | None = None
    fetched_revision: str | None = None
    revisions: tuple[Revision, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    rollout: Rollout | None = None
    repairs: int = 0
    conversion: ConversionStatus | None = None
    calibration: CalibrationStatus | None = None
    source_away: SourceAway | None = None
    download: DownloadStatus | None = None
    inference_service: InferenceServiceStatus | None = None
    last_failure: Failure | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, or None when it was never written."""
        return next((c for c in self.conditions if c.type == kind), None)

    def revision_of(self, digest: str) -> Revision | None:
        """Return what is known of a revision on the volume."""
        return next((r for r in self.revisions if r.digest == digest), None)

    def to_json(self) -> dict[str, Any]:
        """Return the status as the API server stores it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
