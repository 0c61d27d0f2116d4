"""Whether the revision that is rolling out is bad, and when a damaged one is fetched anew. Pure."""

from datetime import datetime, timedelta

from veriaidpo_operator.decisions import pods
from veriaidpo_operator.decisions.fetching import Phase
from veriaidpo_operator.decisions.revisions import good, same_volume
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.objects import words
from veriaidpo_operator.objects.children import Pod
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import Quarantined, Rollout

_CRASHES = 2
_LONGEST_PAUSE = timedelta(hours=1)
_REMOVED_BY = timedelta(minutes=7)
"""By then the pods of a lost node have gone: it is taken for lost after 50 s, and they may stay for 300 s."""

# What would keep any revision's pods from starting is no fault of this one.
_CLUSTER = frozenset(
    {
        Reason.UNSCHEDULABLE, Reason.IMAGE_UNAVAILABLE, Reason.MOUNT_FAILED, Reason.CONTAINER_CONFIG,
        Reason.EVICTED, Reason.POD_REFUSED,
    }
)  # fmt: skip


def verdict(s: Situation) -> Quarantined | None:
    """Return the target's entry for the quarantine when it has just turned out to be bad.

    A damaged revision is found out whenever a pod of it starts. Any other fault counts only against one that
    is new, and only while there is a good one to go back to: to try a bad one on is better than nothing.
    """
    if s.model.spec.suspend or s.target is None or not same_volume(s.model.status, s.observed):
        return None
    if any(q.digest == s.target and q.trial == s.trial for q in s.model.status.quarantined):
        return None
    found = _damaged(s) or (_fault(s) if s.on_trial and _may_go_back(s) else None)
    if found is None:
        return None
    return Quarantined(digest=s.target, reason=found.reason, message=found.message, time=s.now, trial=s.trial)


def _may_go_back(s: Situation) -> bool:
    return s.target == s.choice.wanted and next(good(s.model.status, without=str(s.target)), None) is not None


def _damaged(s: Situation) -> pods.Trouble | None:
    for pod in s.target_pods:
        found = _trouble(s, pod)
        if found is not None and found.reason is Reason.REVISION_DAMAGED:
            return found
    return None


def _fault(s: Situation) -> pods.Trouble | None:
    troubles = [(pod, found) for pod in s.target_pods if (found := _trouble(s, pod)) is not None]
    for pod, found in troubles:
        if found.reason is Reason.GOLDEN_SENTENCE_FAILED or words.cause(pod.said) is Reason.CRASHING:
            return found
        # The process of several Models may end of any of them: what it says of this one is the evidence.
        if not s.shared and pods.crashed(pod) and pod.restarts >= _CRASHES:
            return found
    # A pod that answers speaks for its revision; one that is not even there says nothing of it.
    silent = any(_had_its_time(s, pod) for pod in s.target_pods) and not any(p.well for p in s.target_pods)
    if not s.overdue or not silent or any(found.reason in _CLUSTER for _, found in troubles):
        return None
    if troubles:
        return troubles[0][1]
    return pods.Trouble(Reason.ROLLOUT_STALLED, stalled(s))


def _had_its_time(s: Situation, pod: Pod) -> bool:
    """Tell whether a pod should be ready by now: it has as long as the rollout, also one made in its midst.

    Where nobody is there to be asked the node may be lost. Then Kubernetes removes the pod by itself.
    """
    deadline = timedelta(seconds=s.model.spec.serving.progress_deadline_seconds)
    return s.now - pod.created >= deadline + (_REMOVED_BY if pod.unreachable else timedelta())


def _trouble(s: Situation, pod: Pod) -> pods.Trouble | None:
    return pods.serving_trouble(pod, now=s.now, settings=s.settings, shared=s.shared)


def stalled(s: Situation) -> str:
    """Return the sentence about a revision that is not ready in time, with its pods' own words."""
    deployment = s.observed.deployment
    told = pods.words_of(s.target_pods) or (deployment.stalled if deployment else "")
    return s.say(
        Reason.ROLLOUT_STALLED,
        revision=str(s.target)[:12],
        ready=s.answering,
        wanted=deployment.wanted if deployment else s.model.spec.serving.min_replicas,
        detail=told,
    )


def rollout(s: Situation) -> Rollout | None:
    """Return the trial of the target, to be remembered: it begins when KServe has made its Deployment."""
    old, current = s.model.status.rollout, s.model.status.current_revision
    if old is not None and old.trial == s.trial:
        return old
    if not s.on_target or s.target is None:
        return None
    replaces = current if current != s.target else None
    return Rollout(revision=s.target, trial=s.trial, started_at=s.now, replaces=replaces)


def repair_at(s: Situation) -> datetime | None:
    """Return when the damaged revision that is wanted is due to be fetched anew; None when none is.

    At once the first time; a volume that damages one revision after the other gets longer and longer pauses.
    """
    entry, repairs = s.choice.barred, s.model.status.repairs
    if entry is None or entry.reason != Reason.REVISION_DAMAGED or s.fetch.phase is not Phase.DONE:
        return None
    pause = timedelta(minutes=5 * 2 ** min(repairs, 10)) if repairs else timedelta()
    return entry.time + min(pause, _LONGEST_PAUSE)
