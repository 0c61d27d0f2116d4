"""Why a fetch failed: what its pod said, or how it ended. Pure."""

from datetime import timedelta

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions.pods import DOWNLOAD, Trouble, last_words
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects.children import Job, Pod
from veriaidpo_operator.objects.fetch_words import FetchResult
from veriaidpo_operator.reasons import EXIT_CODES, Reason, from_fetch
from veriaidpo_operator.settings import Settings

_A_DAY = 86_400.0


def of_job(model: Model, job: Job, pods: tuple[Pod, ...], settings: Settings) -> Trouble:
    """Return why a Job failed."""
    if job.failed_reason == "DeadlineExceeded":
        return Trouble.of(
            settings, Reason.DEADLINE_EXCEEDED, deadline=model.spec.download.active_deadline_seconds
        )
    ended = _ended(pods)
    if ended is not None:
        return of_pod(model, job.name, ended, settings)
    return Trouble.of(settings, Reason.INTERNAL, job=job.name, detail=job.failed_message)


def of_pod(model: Model, job: str, pod: Pod, settings: Settings) -> Trouble:
    """Return why a pod of the Job of that name failed."""
    if pod.ended_reason == "OOMKilled":
        return Trouble.of(settings, Reason.OOM_KILLED, pod=pod.name, limits=DOWNLOAD)
    if pod.status_reason == "Evicted":
        return Trouble.of(settings, Reason.EVICTED, pod=pod.name, detail=pod.message)
    result = pod.result
    if result is not None:
        reason, detail = from_fetch(result.reason), result.message
    else:
        reason = EXIT_CODES.get(pod.exit_code or 1, Reason.INTERNAL)
        detail = last_words(pod, settings)
    source = model.spec.source
    return Trouble.of(
        settings,
        reason,
        detail=detail,
        uri=source.uri,
        revision=source.revision,
        claim=objects.claim_name(model),
        job=job,
    )


def left_alone(pods: tuple[Pod, ...]) -> timedelta:
    """Return how long a source asked not to be asked again, up to a day."""
    ended = _ended(pods)
    return asked_for(ended.result if ended else None)


def asked_for(result: FetchResult | None) -> timedelta:
    """Return the pause that a source asked for, as the fetch tells of it; none where it asked for none."""
    asked = result.retry_after if result else None
    return timedelta(seconds=min(max(0.0, asked or 0.0), _A_DAY))


def _ended(pods: tuple[Pod, ...]) -> Pod | None:
    return next((pod for pod in pods if pod.phase == "Failed"), None)
