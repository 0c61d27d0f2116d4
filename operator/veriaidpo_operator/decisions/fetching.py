"""Where the fetch of the wanted revision stands, read from its Job, its pods and what status remembers."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions import fetch_failures, fetch_steps, revisions, standing_in
from veriaidpo_operator.decisions.pods import DOWNLOAD, Trouble, refusal, trouble
from veriaidpo_operator.objects import jobs
from veriaidpo_operator.objects.children import Job, Pod
from veriaidpo_operator.objects.fetch_words import FetchResult
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.reasons import SLOW, Reason, known
from veriaidpo_operator.recorded import SourceAway, Status
from veriaidpo_operator.settings import Settings

_LONGEST_PAUSE = timedelta(minutes=10)
_LONGEST_SLOW_PAUSE = timedelta(hours=1)


class Phase(Enum):
    """How a fetch stands."""

    BLOCKED = auto()
    """It cannot be named yet: there is no claim."""
    ABSENT = auto()
    """There is no Job: it was not made yet, or was removed to be made again."""
    QUEUED = auto()
    """The same, and as many of other Models run as may."""
    STALE = auto()
    """The Job of that name is going, or was another Model's."""
    RUNNING = auto()
    FAILED = auto()
    LOST = auto()
    """The Job succeeded, and what it said is gone with its pod."""
    DONE = auto()
    PINNED = auto()
    """Nothing is fetched: spec.pinnedRevision names a revision on the volume."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One look at the fetch."""

    phase: Phase
    name: str = ""
    job: Job | None = None
    result: FetchResult | None = None
    """Set when DONE for the first time; later the status remembers."""
    trouble: Trouble | None = None
    """What is wrong, for FAILED and maybe for RUNNING."""
    step: Trouble | None = None
    """What it is doing, for RUNNING."""
    failed_at: datetime | None = None
    left_alone: timedelta = timedelta()
    """How long the source asked not to be asked again."""
    attempt: int = 1
    stands_in: SourceAway | None = None
    """Why what was fetched before stands in for what the source has."""
    unnoticed: bool = False
    """Whether nobody waits for it: something stands in, and the source has not told of anything else."""

    def retry_at(self, settings: Settings) -> datetime | None:
        """Return when a fetch that failed, or found its source away, is due again."""
        if self.phase is Phase.DONE and self.stands_in is not None and self.result is None:
            return self.stands_in.retry_at
        if self.failed_at is None or self.trouble is None:
            return None
        own = pause(self.trouble.reason, self.attempt, settings.fetch_retry_seconds)
        return self.failed_at + max(own, self.left_alone)


def pause(reason: Reason, attempt: int, seconds: float) -> timedelta:
    """Return how long to wait after the attempt-th failure.

    It doubles up to ten minutes. A failure that time does not heal starts forty times as high, up to an hour.
    """
    if reason in SLOW:
        return min(timedelta(seconds=seconds * 40), _LONGEST_SLOW_PAUSE)
    return min(timedelta(seconds=seconds * 2 ** min(attempt - 1, 20)), _LONGEST_PAUSE)


def look(model: Model, observed: Observed, settings: Settings, now: datetime) -> Fetch:
    """Tell where the fetch of what the spec wants stands."""
    if observed.claim is None:
        return Fetch(Phase.BLOCKED)
    if revisions.pinned(model, observed) is not None:
        return Fetch(Phase.PINNED)
    status = model.status
    name = jobs.fetch_name(model, observed.claim.uid)
    job = observed.job(name)
    done = status.fetched_by == name and bool(revisions.newest(status, None))
    away = standing_in.reason(status, name) if done else None
    remembered = standing_in.remembered(status, name, away)
    attempt = _attempt(job, remembered)
    if done and (away is None or standing_in.rests(away, job, attempt, now)):
        return Fetch(Phase.DONE, name, job, attempt=attempt, stands_in=away)
    last = status.last_failure if status.last_failure and status.last_failure.fetch == name else None
    if away is not None and remembered == away.attempt:
        last = None  # of before the source was found away, and got over
    earlier = Trouble(known(last.reason), last.message) if last else None
    if job is None:
        # A failed Job is only removed when it is due again, so one that has gone need not be waited for.
        again = remembered + 1 if last or away else 1
        fetch = Fetch(Phase.ABSENT, name, trouble=earlier, attempt=again, stands_in=away)
        return _beside(_queued(fetch, observed.downloads, settings), status, observed)
    fetch = Fetch(Phase.RUNNING, name, job, trouble=earlier, attempt=attempt, stands_in=away)
    found = _of_job(model, observed, fetch, job=job, settings=settings, now=now)
    return _beside(found, status, observed)


def _beside(fetch: Fetch, status: Status, observed: Observed) -> Fetch:
    """Leave a fetch unnoticed as long as what stands in may well be what the source has."""
    away = fetch.stands_in
    if away is None or fetch.trouble is not None:
        return fetch
    return replace(fetch, unnoticed=not standing_in.begun(away, status, fetch.attempt, observed.progress))


def _of_job(
    model: Model, observed: Observed, fetch: Fetch, *, job: Job, settings: Settings, now: datetime
) -> Fetch:
    if job.deleting or model.uid not in job.owners:
        return replace(fetch, phase=Phase.STALE)
    pods = observed.pods_of(job)
    if job.succeeded:
        result = next((pod.result for pod in pods if pod.result is not None and pod.result.published), None)
        return replace(fetch, phase=Phase.DONE if result else Phase.LOST, result=result)
    if job.failed:
        return replace(
            fetch,
            phase=Phase.FAILED,
            trouble=fetch_failures.of_job(model, job, pods, settings),
            failed_at=job.ended or now,
            left_alone=fetch_failures.left_alone(pods),
        )
    return _running(model, observed, fetch, pods=pods, settings=settings, now=now)


def _queued(fetch: Fetch, running: int, settings: Settings) -> Fetch:
    """Let a Job that is to be made wait while as many others run as may."""
    if settings.max_downloads == 0 or running < settings.max_downloads:
        return fetch
    step = Trouble.of(settings, Reason.QUEUED, count=running, most=settings.max_downloads)
    return replace(fetch, phase=Phase.QUEUED, step=step)


def _attempt(job: Job | None, remembered: int) -> int:
    text = job.annotations.get(jobs.ATTEMPT, "") if job else ""
    return int(text) if text.isdecimal() else remembered


def _running(
    model: Model,
    observed: Observed,
    fetch: Fetch,
    *,
    pods: tuple[Pod, ...],
    settings: Settings,
    now: datetime,
) -> Fetch:
    """Look at a Job that has not ended.

    What the attempt before failed of stays the trouble until this one gets further: a failure that comes
    again and again is shown all the time, not only now and then.
    """
    starting = Trouble.of(settings, Reason.FETCH_STARTING, job=fetch.name, attempt=fetch.attempt)
    job = fetch.job
    if not pods:
        refused = job.waiting_for_pods if job else ""
        found = refusal(refused, settings) if refused else fetch.trouble
        return replace(fetch, step=starting, trouble=found)
    pod = pods[0]
    if pod.phase == "Succeeded":  # the Job controller has not seen it yet
        return replace(
            fetch, step=Trouble.of(settings, Reason.PUBLISHING, uri=model.spec.source.uri), trouble=None
        )
    if pod.phase == "Failed":
        failure = fetch_failures.of_pod(model, fetch.name, pod, settings)
        return replace(fetch, step=starting, trouble=failure, failed_at=pod.ended_at)
    found = trouble(pod, limits=DOWNLOAD, now=now, settings=settings)
    if found is not None:
        return replace(fetch, step=starting, trouble=_volume(observed, pod, settings) or found)
    step = fetch_steps.step(model, observed, settings.sentences) if pod.phase == "Running" else starting
    further = step.reason not in {Reason.FETCH_STARTING, Reason.RESOLVING}
    return replace(fetch, step=step, trouble=None if further else fetch.trouble)


def _volume(observed: Observed, pod: Pod, settings: Settings) -> Trouble | None:
    """Return the trouble of the claim when that is why a pod finds no node."""
    claim = observed.claim
    if claim is None or claim.phase == "Bound" or not pod.unschedulable:
        return None
    return Trouble.of(settings, Reason.VOLUME_PENDING, claim=claim.name, detail=pod.unschedulable)
