"""What keeps a pod from doing its work, in one reason and one sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.observed import Observed, Pod
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase
from veriaidpo_operator.settings import Settings

_IMAGE = frozenset(
    {
        "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
        "RegistryUnavailable", "SignatureValidationFailed",
    }
)  # fmt: skip
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason with its sentence."""

    reason: Reason
    message: str


def slow_to_start(pod: Pod, now: datetime, grace: float) -> bool:
    """Tell whether a pod should have started by now, so that its events are worth a look."""
    return pod.phase == "Pending" and now - pod.created > timedelta(seconds=grace)


def trouble(  # noqa: PLR0911 (one return for each trouble)
    pod: Pod, *, section: str, now: datetime, settings: Settings
) -> Trouble | None:
    """Return what is wrong with a pod, or None while it is on its way or running.

    section: the part of spec (download or serving) whose limits the pod has.
    """

    def found(reason: Reason, **facts: object) -> Trouble:
        return Trouble(reason, settings.sentences(reason, pod=pod.name, **facts))

    if pod.waiting_reason in _IMAGE:
        detail = pod.waiting_message or pod.waiting_reason
        return found(Reason.IMAGE_UNAVAILABLE, image=pod.image, detail=detail)
    if pod.ended_reason == "OOMKilled":
        return None if pod.ready else found(Reason.OOM_KILLED, section=section)
    if pod.status_reason == "Evicted":
        return found(Reason.EVICTED, detail=pod.message)
    if pod.waiting_reason in _CONFIG:
        return found(Reason.CONTAINER_CONFIG, detail=pod.waiting_message)
    if pod.waiting_reason == "CrashLoopBackOff" or (pod.ended_reason and not pod.ready and pod.restarts > 0):
        return found(Reason.CRASHING, detail=last_words(pod, settings))
    if slow_to_start(pod, now, settings.pending_grace_seconds):
        if pod.unschedulable:
            return found(Reason.UNSCHEDULABLE, detail=pod.unschedulable)
        if pod.warnings:
            return found(Reason.MOUNT_FAILED, detail=pod.warnings[0])
    return None


def last_words(pod: Pod, settings: Settings) -> str:
    """Return the last line a pod wrote before it ended, or else how it ended."""
    lines = pod.message.strip().splitlines()
    if lines:
        return lines[-1]
    return settings.sentences(Phrase.ENDED, code=pod.exit_code, reason=pod.ended_reason or "Error")


def predictor_trouble(observed: Observed, *, now: datetime, settings: Settings) -> Trouble | None:
    """Return the trouble of the newest predictor pod that has one."""
    for pod in observed.predictors:
        found = trouble(pod, section="serving", now=now, settings=settings)
        if found is not None:
            return found
    return None
