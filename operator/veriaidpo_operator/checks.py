"""Ordered checks over what was observed: the first that fails is the root cause, the reason of Ready.

Each check looks at one thing and answers with a finding or None. A finding that is a failure makes the Model
Degraded; another one only says that something is still on its way.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from veriaidpo_operator import objects, pods
from veriaidpo_operator.api import MANAGER, MODEL_LABEL, Model
from veriaidpo_operator.fetching import Phase
from veriaidpo_operator.observed import Child
from veriaidpo_operator.reasons import Reason, known
from veriaidpo_operator.refusals import over_quota, unanswered
from veriaidpo_operator.revisions import on_volume
from veriaidpo_operator.sentences import Phrase
from veriaidpo_operator.situation import Situation
from veriaidpo_operator.trial import stalled

_STARTING = timedelta(seconds=60)
_TAKEN_UP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """Why something is not as wanted."""

    reason: Reason
    message: str
    failure: bool


Check = Callable[[Situation], Finding | None]


def first(checks: Iterable[Check], situation: Situation) -> Finding | None:
    """Return the finding of the first check that fails."""
    return next((found for check in checks if (found := check(situation)) is not None), None)


def _fails(s: Situation, reason: Reason, **facts: object) -> Finding:
    return Finding(reason, s.say(reason, **facts), failure=True)


def _waits(s: Situation, reason: Reason, **facts: object) -> Finding:
    return Finding(reason, s.say(reason, **facts), failure=False)


def ours(child: Child, model: Model) -> bool:
    """Tell whether an object was made for a Model of this name by this operator."""
    return child.labels.get(MODEL_LABEL) == model.name and (
        child.labels.get("app.kubernetes.io/managed-by") == MANAGER
    )


def anothers(child: Child, model: Model) -> bool:
    """Tell whether an object belongs to a former Model of the same name, or is going."""
    return child.deleting or (bool(child.owners) and model.uid not in child.owners)


def suspended(s: Situation) -> Finding | None:
    """Check that the Model is not suspended."""
    return _waits(s, Reason.SUSPENDED) if s.model.spec.suspend else None


def claim_taken(s: Situation) -> Finding | None:
    """Check that the API server took the claim; that it would not let it grow is another matter."""
    return None if claim_grows(s) else _claim_refused(s)


def claim_grows(s: Situation) -> Finding | None:
    """Check that the claim may become as large as the Model wants; until then the Model goes on as it is."""
    detail, claim = s.observed.refused.get("PersistentVolumeClaim", ""), s.observed.claim
    if not detail or claim is None or objects.growth(s.model, claim) is None:
        return None
    return _fails(s, Reason.EXPANSION_REFUSED, claim=claim.name, detail=detail)


def refused(kind: str, what: Phrase, name: Callable[[Situation], str]) -> Check:
    """Make the check that the API server took an object of this kind, which has this name."""

    def check(s: Situation) -> Finding | None:
        detail = s.observed.refused.get(kind)
        if not detail:
            return None
        reason = Reason.QUOTA_EXCEEDED if over_quota(detail) else Reason.REFUSED
        return _fails(s, reason, what=s.say(what, name=name(s)), detail=detail)

    return check


def claim_there(s: Situation) -> Finding | None:
    """Check that the claim is there, is the right one, and may be used."""
    claim, wanted = s.observed.claim, objects.claim_name(s.model)
    own = s.model.spec.storage.claim_name is None
    if claim is None:
        return (
            _waits(s, Reason.CREATING, what=s.say(Phrase.CLAIM, name=wanted))
            if own
            else _fails(s, Reason.CLAIM_MISSING, claim=wanted)
        )
    if own and not ours(claim, s.model):
        return _fails(s, Reason.NAME_CONFLICT, what=s.say(Phrase.CLAIM, name=wanted))
    if claim.phase == "Lost":
        return _fails(s, Reason.VOLUME_LOST, claim=wanted)
    if claim.deleting:
        return _fails(s, Reason.VOLUME_PENDING, claim=wanted, detail=s.say(Phrase.CLAIM_DELETED))
    return None


def claim_provisioned(s: Situation) -> Finding | None:
    """Check that nobody complained about the claim while it waits for its volume.

    Waiting for the first pod is normal for many storage classes, so Pending alone is no finding.
    """
    claim = s.observed.claim
    grace = timedelta(seconds=s.settings.pending_grace_seconds)
    if claim is None or claim.phase != "Pending" or s.now - claim.created <= grace:
        return None
    for text in s.observed.claim_warnings:
        lower = text.lower()
        if ("storageclass" in lower and "not found" in lower) or "no storage class" in lower:
            return _fails(s, Reason.STORAGE_CLASS_MISSING, claim=claim.name, detail=text)
        return _fails(s, Reason.VOLUME_PENDING, claim=claim.name, detail=text)
    return None


def fetched(s: Situation) -> Finding | None:
    """Check that the wanted revision is on the volume."""
    fetch = s.fetch
    if fetch.phase in {Phase.DONE, Phase.PINNED}:
        return None
    if fetch.trouble is not None:
        return Finding(fetch.trouble.reason, fetch.trouble.message, failure=True)
    if fetch.phase is Phase.STALE:
        return _waits(s, Reason.FETCH_STOPPING, job=fetch.name)
    if fetch.step is not None:
        return Finding(fetch.step.reason, fetch.step.message, failure=False)
    return _waits(s, Reason.CREATING, what=s.say(Phrase.FETCH_JOB, name=fetch.name))


def undamaged(s: Situation) -> Finding | None:
    """Check that no predictor found the wanted revision damaged since it was last fetched."""
    entry = s.choice.barred
    return tried_well(s) if entry is not None and entry.reason == Reason.REVISION_DAMAGED else None


def pin_known(s: Situation) -> Finding | None:
    """Check that spec.pinnedRevision, if there is one, names a revision on the volume."""
    if not s.choice.unknown_pin:
        return None
    there = ", ".join(digest[:12] for digest in on_volume(s.model.status)) or s.say(Phrase.NO_REVISION)
    return _fails(s, Reason.REVISION_UNKNOWN, revision=s.model.spec.pinned_revision, detail=there)


def tried_well(s: Situation) -> Finding | None:
    """Check that the wanted revision was not quarantined."""
    entry = s.choice.barred
    if entry is None:
        return None
    return Finding(known(entry.reason), f"{entry.message} {_meanwhile(s)}", failure=True)


def _meanwhile(s: Situation) -> str:
    """Say what answers in place of a quarantined revision, and what ends that."""
    entry, pinned = s.choice.barred, s.model.spec.pinned_revision is not None
    damaged = entry is not None and entry.reason == Reason.REVISION_DAMAGED
    what = Phrase.FETCHED_ANEW if damaged and not pinned else Phrase.NOT_TRIED_AGAIN
    told = s.say(what, revision=str(s.choice.wanted)[:12])
    return f"{told} {s.say(Phrase.MEANWHILE, revision=str(s.target)[:12])}" if s.choice.rolled_back else told


def runtime_there(s: Situation) -> Finding | None:
    """Check that the cluster knows InferenceServices."""
    return None if s.observed.runtime_known else _fails(s, Reason.RUNTIME_UNAVAILABLE)


def runtime_answers(s: Situation) -> Finding | None:
    """Check that KServe's controller takes up what it is given: without it nothing new is served."""
    detail = s.observed.refused.get("InferenceService", "")
    if unanswered(detail):
        return _fails(s, Reason.RUNTIME_DOWN, detail=detail)
    service = s.observed.service
    if service is None or not ours(service, s.model) or s.taken_up:
        return None
    if s.now - service.changed <= _TAKEN_UP:
        return None
    name = s.say(Phrase.SERVICE, name=service.name)
    return _fails(s, Reason.RUNTIME_DOWN, detail=s.say(Phrase.NOT_TAKEN_UP, what=name))


def service_there(s: Situation) -> Finding | None:
    """Check that the InferenceService is there and is the Model's own."""
    service, name = s.observed.service, s.model.name
    if s.target is None:
        return _waits(s, Reason.WAITING_FOR_REVISION)
    if service is None:
        return _waits(s, Reason.CREATING, what=s.say(Phrase.SERVICE, name=name))
    if not ours(service, s.model):
        return _fails(s, Reason.NAME_CONFLICT, what=s.say(Phrase.SERVICE, name=name))
    if anothers(service, s.model):
        return _waits(s, Reason.REPLACING, what=s.say(Phrase.SERVICE, name=name))
    return None


def pods_there(s: Situation) -> Finding | None:
    """Check that the predictor's pods were made and none of them is in trouble."""
    if s.rolled_out:
        return None
    deployment = s.observed.deployment
    if deployment is not None and deployment.replica_failure:
        refusal = pods.refusal(deployment.replica_failure, s.settings)
        return Finding(refusal.reason, refusal.message, failure=True)
    ordered = (*s.target_pods, *s.observed.predictors)
    found = pods.first_trouble(ordered, now=s.now, settings=s.settings)
    return Finding(found.reason, found.message, failure=True) if found else None


def rolled_out(s: Situation) -> Finding | None:
    """Check that every pod answers with the target, and no other pod is left."""
    if s.rolled_out:
        return None
    deployment, service, target = s.observed.deployment, s.observed.service, s.target or ""
    ready = deployment.ready if deployment else 0
    wanted = deployment.wanted if deployment else s.model.spec.serving.min_replicas
    facts = {"revision": target[:12], "ready": ready, "wanted": wanted}
    if s.overdue or (deployment is not None and deployment.stalled):
        return Finding(Reason.ROLLOUT_STALLED, stalled(s), failure=True)
    settled = deployment is not None and deployment.updated == deployment.total == wanted
    lost = settled and s.on_target and ready < wanted and s.model.status.current_revision == target
    if lost and not _just_starting(s):
        detail = pods.words_of(s.observed.predictors) or (service.not_ready_message if service else "")
        return _fails(s, Reason.PREDICTOR_NOT_READY, detail=detail, **facts)
    return _waits(s, Reason.ROLLING_OUT, **facts)


def _just_starting(s: Situation) -> bool:
    """Tell whether every pod that is not ready is a new one: one more, or in place of one that went."""
    missing = [pod for pod in s.observed.predictors if not pod.ready]
    return bool(missing) and all(s.now - pod.created < _STARTING for pod in missing)


_claim_refused = refused("PersistentVolumeClaim", Phrase.CLAIM, lambda s: objects.claim_name(s.model))
STORAGE: tuple[Check, ...] = (
    claim_taken,
    claim_there,
    claim_provisioned,
)
FETCH: tuple[Check, ...] = (
    *STORAGE,
    refused("ConfigMap", Phrase.FETCH_ORDER, lambda s: s.fetch.name),
    refused("Job", Phrase.FETCH_JOB, lambda s: s.fetch.name),
    fetched,
)
SERVE: tuple[Check, ...] = (
    runtime_there,
    runtime_answers,
    refused("InferenceService", Phrase.SERVICE, lambda s: s.model.name),
    service_there,
    pods_there,
    rolled_out,
)
READY: tuple[Check, ...] = (suspended, undamaged, *FETCH, pin_known, tried_well, *SERVE)
