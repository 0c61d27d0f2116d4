"""plan(model, observed, now) -> actions and the new status. Pure: the whole of what the operator decides.

It may be called at any moment, after a crash between any two actions, any number of times: it looks only at
what is there, names are deterministic, and a world that is as wanted gives no action.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions import collecting
from veriaidpo_operator.decisions.actions import Action, Apply, Create, Delete, Patch
from veriaidpo_operator.decisions.assessing import assess
from veriaidpo_operator.decisions.fetching import Fetch, Phase
from veriaidpo_operator.decisions.revisions import quarantined
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.decisions.status import first_status, next_status
from veriaidpo_operator.decisions.trial import repair_at, verdict
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects import drift, jobs, orders
from veriaidpo_operator.objects.children import Claim, Job
from veriaidpo_operator.objects.claims import anothers, ours
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.objects.places import moved
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.settings import Settings

_SOON = 2.0
_ROLLING = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, what to say, and after how many seconds to look again even if nothing happens."""

    actions: tuple[Action, ...]
    status: Status
    again: float
    warnings: tuple[str, ...] = ()
    """What a fetch that has just ended found odd, without failing."""


def plan(model: Model, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """Decide what to do next for one Model."""
    if model.deleting:  # what it owns goes by itself
        return Plan((), model.status, settings.resync_seconds)
    if (
        not model.status.conditions
    ):  # every condition is there from the first moment, so that a wait can begin
        return Plan((), first_status(model, settings.sentences, now), 0)
    situation = assess(model, observed, settings, now)
    bad = verdict(situation)
    if bad is not None:  # first it is written down: what is done next follows from that, also after a crash
        model = replace(model, status=quarantined(model.status, bad))
        return Plan((), next_status(assess(model, observed, settings, now)), 0)
    actions = (*_claim(situation), *_fetch(situation), *_serve(situation))
    fetched = situation.fetch.result
    warnings = fetched.warnings if fetched is not None else ()
    return Plan(actions, next_status(situation), _again(situation, actions), warnings)


def _claim(s: Situation) -> tuple[Action, ...]:
    claim, storage = s.observed.claim, s.model.spec.storage
    if storage.claim_name is not None or s.model.spec.suspend:
        return ()
    if claim is None:
        return (Create(objects.claim(s.model)),)
    if not ours(claim, s.model) or claim.deleting:
        return ()
    return (*_claim_metadata(s.model, claim), *_claim_growth(s.model, claim))


def _claim_growth(model: Model, claim: Claim) -> tuple[Action, ...]:
    """Ask for more room when the Model does; whether its class can give it, the API server says."""
    size = objects.growth(model, claim)
    if size is None:
        return ()
    spec = {"resources": {"requests": {"storage": size}}}
    return (Patch("PersistentVolumeClaim", claim.name, claim.uid, {"spec": spec}),)


def _claim_metadata(model: Model, claim: Claim) -> tuple[Action, ...]:
    """Repair labels and owner: reclaimPolicy may have changed, or the Model may be a new one."""
    wanted = objects.claim(model)["metadata"]
    owners = set(claim.owners)
    right = {model.uid} if wanted["ownerReferences"] else set()
    if owners == right and drift.satisfied(wanted["labels"], claim.labels):
        return ()
    metadata = {"labels": wanted["labels"], "ownerReferences": wanted["ownerReferences"]}
    return (Patch("PersistentVolumeClaim", claim.name, claim.uid, {"metadata": metadata}),)


def _fetch(s: Situation) -> tuple[Action, ...]:
    fetch, model = s.fetch, s.model
    if model.spec.suspend:
        return tuple(_delete(job) for job in s.observed.jobs if job.live and not job.deleting)
    collect = collecting.job_name(s)
    others = [job for job in s.observed.jobs if job.name not in {fetch.name, collect}]
    actions: list[Action] = [_delete(job) for job in others if not job.deleting and (fetch.name or job.live)]
    actions += _unread_orders(s)
    claim = s.observed.claim
    if claim is None or (model.spec.storage.claim_name is None and not ours(claim, model)):
        return tuple(actions)
    if fetch.job is not None:
        if not fetch.job.deleting and _in_the_way(s, fetch, fetch.job, claim):
            actions.append(_delete(fetch.job))
        elif fetch.phase is Phase.RUNNING:
            actions += _order(s)
    elif fetch.phase is Phase.ABSENT and not claim.deleting and not any(job.live for job in s.observed.jobs):
        job = jobs.fetch_job(
            model, s.settings, name=fetch.name, attempt=fetch.attempt, read_only=claim.read_only
        )
        actions += [*_order(s), Create(job)]
    return (*actions, *collecting.collect(s, collect))


def _order(s: Situation) -> tuple[Action, ...]:
    """Have what the fetch is told there, as long as its pod may still have to read it."""
    name = s.fetch.name
    there = any(order.name == name and s.model.uid in order.owners for order in s.observed.orders)
    return () if there else (Create(orders.config_map(s.model, name)),)


def _unread_orders(s: Situation) -> tuple[Action, ...]:
    """Remove what no fetch reads any more, and what a former Model of this name left."""
    read = {job.name for job in s.observed.jobs} | (
        {s.fetch.name} if s.fetch.phase is Phase.ABSENT else set()
    )
    unread = (o for o in s.observed.orders if o.name not in read or s.model.uid not in o.owners)
    return tuple(Delete("ConfigMap", o.name, o.uid) for o in unread if not o.deleting)


def _in_the_way(s: Situation, fetch: Fetch, job: Job, claim: Claim) -> bool:
    """Tell whether the Job of the wanted name has to go, so that another one can do better."""
    at = fetch.retry_at(s.settings)
    if fetch.phase is Phase.DONE:  # what was found while the source was away is looked for again
        return at is not None and s.now >= at
    if fetch.phase in {Phase.STALE, Phase.LOST} or claim.deleting:
        return True
    if job.annotations.get(jobs.TEMPLATE_HASH) != jobs.fetch_template(
        s.model, s.settings, read_only=claim.read_only
    ):
        return True  # limits, token or image were changed: somebody mended something
    return fetch.phase is Phase.FAILED and (at is None or s.now >= at)


def _delete(job: Job) -> Delete:
    return Delete("Job", job.name, job.uid)


def _serve(s: Situation) -> tuple[Action, ...]:
    if s.service is None or not s.observed.runtime_known or s.model.spec.suspend:
        return ()
    if s.fetch.result is not None:  # how it is served depends on what is now remembered of it
        return ()
    if s.shared:  # group.py sees to that predictor
        return _left(s)
    there = s.observed.service
    if there is None:
        return (Apply(s.service),)
    if not ours(there, s.model) or anothers(there, s.model) or drift.satisfied(s.service, there.raw):
        return ()
    return (Apply(s.service),)


def _left(s: Situation) -> tuple[Action, ...]:
    """Remove the predictor that a Model had of its own, once the target answers and nobody asks there."""
    left = s.observed.left
    if left is None or not ours(left, s.model) or left.deleting:
        return ()
    if not s.rolled_out or not moved(s.model.status.inference_service, s.place, s.now):
        return ()
    return (Delete("InferenceService", left.name, left.uid),)


def _again(s: Situation, actions: tuple[Action, ...]) -> float:
    """Return when to look again; events usually come first."""
    fetch = s.fetch
    if s.model.spec.suspend:
        return s.settings.resync_seconds
    if fetch.result is not None:
        return 0
    if fetch.phase is Phase.RUNNING:
        return s.settings.poll_seconds
    if actions or fetch.phase is Phase.STALE:
        return _SOON
    due = [at for at in (fetch.retry_at(s.settings), repair_at(s)) if at is not None]
    if due:
        at = min(due)
        return min(max((at - s.now).total_seconds(), 0.1), s.settings.resync_seconds)
    # A predictor that finds itself wrong, a deadline that passes or another's Job that ends makes no event.
    rolling = s.rollout is not None and not s.rolled_out and not s.overdue
    rolling = rolling or (s.shared and s.target is not None and not s.rolled_out and not s.late)
    queued = fetch.phase is Phase.QUEUED
    return min(_ROLLING, s.settings.resync_seconds) if rolling or queued else s.settings.resync_seconds
