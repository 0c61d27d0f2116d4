"""Checks of what serves the Model: KServe, the InferenceService, its pods."""

from datetime import timedelta

from veriaidpo_operator.decisions import pods
from veriaidpo_operator.decisions.finding import Check, Finding, fails, refused, waits
from veriaidpo_operator.decisions.refusals import unanswered
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.decisions.trial import stalled
from veriaidpo_operator.objects.claims import anothers
from veriaidpo_operator.objects.places import belongs
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase

_STARTING = timedelta(seconds=60)
_TAKEN_UP = timedelta(seconds=30)


def runtime_there(s: Situation) -> Finding | None:
    """Check that the cluster knows InferenceServices."""
    return None if s.observed.runtime_known else fails(s, Reason.RUNTIME_UNAVAILABLE)


def runtime_answers(s: Situation) -> Finding | None:
    """Check that KServe's controller takes up what it is given: without it nothing new is served."""
    detail = s.observed.refused.get("InferenceService", "")
    if unanswered(detail):
        return fails(s, Reason.RUNTIME_DOWN, detail=detail)
    service = s.observed.service
    if service is None or not belongs(service, s.model) or s.taken_up:
        return None
    if s.now - service.changed <= _TAKEN_UP:
        return None
    name = s.say(Phrase.SERVICE, name=service.name)
    return fails(s, Reason.RUNTIME_DOWN, detail=s.say(Phrase.NOT_TAKEN_UP, what=name))


def service_there(s: Situation) -> Finding | None:
    """Check that the InferenceService is there, and is the Model's own or that of all on its claim."""
    service, name = s.observed.service, s.place
    if s.target is None:
        return waits(s, Reason.WAITING_FOR_REVISION)
    if service is None:
        return waits(s, Reason.CREATING, what=s.say(Phrase.SERVICE, name=name))
    if not belongs(service, s.model):
        return fails(s, Reason.NAME_CONFLICT, what=s.say(Phrase.SERVICE, name=name))
    if service.deleting if s.shared else anothers(service, s.model):
        return waits(s, Reason.REPLACING, what=s.say(Phrase.SERVICE, name=name))
    return None


def pods_there(s: Situation) -> Finding | None:
    """Check that the predictor's pods were made and none of them is in trouble."""
    if s.rolled_out:
        return None
    deployment = s.observed.deployment
    if deployment is not None and deployment.replica_failure:
        refusal = pods.refusal(deployment.replica_failure, s.settings)
        return Finding(refusal.reason, refusal.message, failure=True)
    ordered = (*s.target_pods, *s.predictors)
    found = pods.first_trouble(ordered, now=s.now, settings=s.settings, shared=s.shared)
    return Finding(found.reason, found.message, failure=True) if found else None


def rolled_out(s: Situation) -> Finding | None:
    """Check that every pod answers with the target, and no other pod is left."""
    if s.rolled_out:
        return None
    deployment, service, target = s.observed.deployment, s.observed.service, s.target or ""
    ready = s.answering
    wanted = deployment.wanted if deployment else s.model.spec.serving.min_replicas
    facts = {"revision": target[:12], "ready": ready, "wanted": wanted}
    if s.overdue or (deployment is not None and deployment.stalled):
        return Finding(Reason.ROLLOUT_STALLED, stalled(s), failure=True)
    settled = deployment is not None and deployment.updated == deployment.total == wanted
    lost = settled and s.on_target and ready < wanted and s.arrived
    if lost and not _just_starting(s):
        detail = pods.words_of(s.predictors) or (service.not_ready_message if service else "")
        return fails(s, Reason.PREDICTOR_NOT_READY, detail=detail, **facts)
    return waits(s, Reason.ROLLING_OUT, **facts)


def _just_starting(s: Situation) -> bool:
    """Tell whether every pod that is not ready is a new one: one more, or in place of one that went."""
    missing = [pod for pod in s.predictors if not pod.ready]
    return bool(missing) and all(s.now - pod.created < _STARTING for pod in missing)


SERVE: tuple[Check, ...] = (
    runtime_there,
    runtime_answers,
    refused("InferenceService", Phrase.SERVICE, lambda s: s.place),
    service_there,
    pods_there,
    rolled_out,
)
