"""What keeps a pod from doing its work, in one reason and one sentence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.decisions.refusals import over_quota
from veriaidpo_operator.objects import words
from veriaidpo_operator.objects.children import Pod
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

    @classmethod
    def of(cls, settings: Settings, reason: Reason, **facts: object) -> "Trouble":
        """Give a reason the facts of its sentence."""
        return cls(reason, settings.sentences(reason, **facts))


def refusal(text: str, settings: Settings) -> Trouble:
    """Return the trouble of a pod that cannot be made, from what the API server said of it."""
    reason = Reason.QUOTA_EXCEEDED if over_quota(text) else Reason.POD_REFUSED
    return Trouble.of(settings, reason, what=settings.sentences(Phrase.A_POD), detail=text)


def slow_to_start(pod: Pod, now: datetime, grace: float) -> bool:
    """Tell whether a pod should have started by now, so that its events are worth a look."""
    return pod.phase == "Pending" and now - pod.created > timedelta(seconds=grace)


DOWNLOAD = "spec.download.resources"
SERVING = "spec.serving.resources"
_SHARED = "operator.sharedPredictor.resources"


def trouble(pod: Pod, *, limits: str, now: datetime, settings: Settings) -> Trouble | None:
    """Return what is wrong with a pod, or None while it is on its way or running.

    limits: where the pod's limits are set.
    """

    def found(reason: Reason, **facts: object) -> Trouble:
        return Trouble.of(settings, reason, pod=pod.name, **facts)

    if pod.waiting_reason in _IMAGE:
        detail = pod.waiting_message or pod.waiting_reason
        return found(Reason.IMAGE_UNAVAILABLE, image=pod.image, detail=detail)
    if pod.ended_reason == "OOMKilled":
        return None if pod.well else found(Reason.OOM_KILLED, limits=limits)
    if pod.status_reason == "Evicted":
        return found(Reason.EVICTED, detail=pod.message)
    if pod.waiting_reason in _CONFIG:
        return found(Reason.CONTAINER_CONFIG, detail=pod.waiting_message)
    named = _named(pod)
    if named is not None:
        return found(named, detail=pod.said if words.cause(pod.said) else last_words(pod, settings))
    return _held_up(pod, found) if slow_to_start(pod, now, settings.pending_grace_seconds) else None


def _held_up(pod: Pod, found: Callable[..., Trouble]) -> Trouble | None:
    """Return what keeps a pod from starting, whether or not its container was tried."""
    if pod.unschedulable:
        return found(Reason.UNSCHEDULABLE, detail=pod.unschedulable)
    if pod.unmounted:
        return found(Reason.MOUNT_FAILED, detail=pod.unmounted)
    if pod.without_sandbox:
        return found(Reason.CONTAINER_CONFIG, detail=pod.without_sandbox)
    return None


def _named(pod: Pod) -> Reason | None:
    """Return the reason that a pod itself tells of, while it runs or as its last words."""
    if pod.ready:
        return None
    reason = words.cause(pod.said)
    if reason is not None or not crashed(pod):
        return reason
    again = pod.restarts > 0 or pod.waiting_reason == "CrashLoopBackOff"
    return words.cause(words.last(pod.message)) or (Reason.CRASHING if again else None)


def crashed(pod: Pod) -> bool:
    """Tell whether a pod's container ended and has not been well since."""
    if pod.well:
        return False
    ended = bool(pod.ended_reason) and bool(pod.exit_code or pod.restarts)
    return ended or pod.waiting_reason == "CrashLoopBackOff"


def last_words(pod: Pod, settings: Settings) -> str:
    """Return the last line a pod wrote before it ended, or else how it ended."""
    last = words.last(pod.message)
    return last or settings.sentences(Phrase.ENDED, code=pod.exit_code, reason=pod.ended_reason or "Error")


def serving_trouble(pod: Pod, *, now: datetime, settings: Settings, shared: bool) -> Trouble | None:
    """Return what is wrong with a predictor's pod; shared: whether it serves other Models too."""
    return trouble(pod, limits=_SHARED if shared else SERVING, now=now, settings=settings)


def first_trouble(pods: Iterable[Pod], *, now: datetime, settings: Settings, shared: bool) -> Trouble | None:
    """Return the trouble of the first of some predictor pods that has one."""
    found = (serving_trouble(pod, now=now, settings=settings, shared=shared) for pod in pods)
    return next((one for one in found if one is not None), None)


def words_of(pods: Iterable[Pod]) -> str:
    """Return what pods that are not ready say of it, the first that says anything; empty when none does."""
    return next((pod.said for pod in pods if not pod.ready and pod.said), "")
