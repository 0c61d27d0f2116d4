"""What keeps a pod from doing its work, in one reason and one sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.observed import Observed, Pod
from veriaidpo_operator.reasons import Reason, full_stop, sentence

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
    pod: Pod, *, section: str, now: datetime, grace: float
) -> Trouble | None:
    """Return what is wrong with a pod, or None while it is on its way or running.

    section: the part of spec (download or serving) whose limits the pod has. grace: seconds a pod may wait
    for a node or a volume before that is called a trouble.
    """
    if pod.waiting_reason in _IMAGE:
        detail = full_stop(pod.waiting_message or pod.waiting_reason)
        return _trouble(Reason.IMAGE_UNAVAILABLE, pod, image=pod.image, detail=detail)
    if pod.ended_reason == "OOMKilled":
        return None if pod.ready else _trouble(Reason.OOM_KILLED, pod, section=section)
    if pod.status_reason == "Evicted":
        return _trouble(Reason.EVICTED, pod, detail=pod.message)
    if pod.waiting_reason in _CONFIG:
        return _trouble(Reason.CONTAINER_CONFIG, pod, detail=pod.waiting_message)
    if pod.waiting_reason == "CrashLoopBackOff" or (pod.ended_reason and not pod.ready and pod.restarts > 0):
        return _trouble(Reason.CRASHING, pod, detail=_last_words(pod))
    if slow_to_start(pod, now, grace):
        if pod.unschedulable:
            return _trouble(Reason.UNSCHEDULABLE, pod, detail=pod.unschedulable)
        if pod.warnings:
            return _trouble(Reason.MOUNT_FAILED, pod, detail=pod.warnings[0])
    return None


def _trouble(reason: Reason, pod: Pod, **facts: object) -> Trouble:
    return Trouble(reason, sentence(reason, pod=pod.name, **facts))


def _last_words(pod: Pod) -> str:
    lines = pod.message.strip().splitlines()
    return lines[-1] if lines else f"{pod.ended_reason or 'Error'}, exit code {pod.exit_code}"


def predictor_trouble(observed: Observed, *, now: datetime, grace: float) -> Trouble | None:
    """Return the trouble of the newest predictor pod that has one."""
    for pod in observed.predictors:
        found = trouble(pod, section="serving", now=now, grace=grace)
        if found is not None:
            return found
    return None
