"""The new status of a Model, from what was observed and what the status said before. Pure."""

from datetime import datetime

from pydantic import ValidationError

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions import checks, fetch_status
from veriaidpo_operator.decisions.collecting import collected
from veriaidpo_operator.decisions.conditions import CONDITIONS, conditions, stamped
from veriaidpo_operator.decisions.conversion import Truth
from veriaidpo_operator.decisions.finding import Finding, first
from veriaidpo_operator.decisions.revisions import good
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.decisions.trial import repair_at, rollout
from veriaidpo_operator.objects.inference_service import SERVE_PORT
from veriaidpo_operator.objects.places import belongs
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import Condition, Failure, InferenceServiceStatus, Status
from veriaidpo_operator.sentences import Sentences


def first_status(model: Model, say: Sentences, now: datetime) -> Status:
    """Return the status of a Model that was never looked at: every condition Unknown."""
    text = say(Reason.PENDING)
    return model.status.model_copy(
        update={
            "observed_generation": model.generation,
            "conditions": tuple(
                Condition(
                    type=kind,
                    status="Unknown",
                    reason=Reason.PENDING,
                    message=text,
                    last_transition_time=now,
                    observed_generation=model.generation,
                )
                for kind in CONDITIONS
            ),
        }
    )


def invalid_status(model: Model, error: ValidationError, say: Sentences, now: datetime) -> Status:
    """Return the status of a Model whose spec this operator cannot read; what serves it is left alone."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    reason, text = Reason.INVALID_SPEC, say(Reason.INVALID_SPEC, detail=f"spec.{where}: {first['msg']}")
    old = model.status if model.status.conditions else first_status(model, say, now)
    said: dict[str, Truth] = {"Ready": "False", "Degraded": "True"}
    changed = tuple(
        stamped(old, model, c.type, (said[c.type], reason, text), now) if c.type in said else c
        for c in old.conditions
    )
    return old.model_copy(update={"conditions": changed, "observed_generation": model.generation})


def next_status(s: Situation) -> Status:
    """Return the status as it should be written now."""
    old = s.model.status
    current, due = _current(s), repair_at(s)
    status = old.model_copy(
        update={
            "observed_generation": s.model.generation,
            "claim_name": s.claim,
            "current_revision": current,
            "previous_revision": _previous(old, current),
            "target_revision": s.target,
            "rollout": rollout(s),
            "repairs": old.repairs + (due is not None and due <= s.now),
            "revision": (current or s.target or "")[:12] or None,
            "inference_service": _inference_service(s),
            **fetch_status.fields(s),
        }
    )
    status = _proven(s, status.model_copy(update={"revisions": collected(s, status)}))
    root = first(checks.READY, s)
    status = status.model_copy(update={"last_failure": _failure(s, root)})
    return status.model_copy(update={"conditions": conditions(s, status, root)})


def _current(s: Situation) -> str | None:
    """Return the revision that answers: the target once it is rolled out, until then the one before."""
    old = s.model.status.current_revision
    if s.rolled_out:
        return s.target
    if old is None and s.on_target and s.answering > 0:
        return s.target
    return old


def _previous(old: Status, current: str | None) -> str | None:
    """Return the revision that answered before the current one, and that may be gone back to."""
    if current is None:
        return old.previous_revision
    return next(good(old, without=current), None)


def _proven(s: Situation, status: Status) -> Status:
    """Return the status with what a finished rollout proves: its revision is good."""
    if not s.rolled_out or s.target is None:
        return status
    return status.model_copy(
        update={
            "revisions": tuple(
                r.model_copy(update={"served_at": s.now})
                if r.digest == s.target and r.served_at is None
                else r
                for r in status.revisions
            ),
            "quarantined": tuple(q for q in status.quarantined if q.digest != s.target),
        }
    )


def _inference_service(s: Situation) -> InferenceServiceStatus | None:
    """Return where the Model answers: where it did until now, while only that place is ready."""
    old, before, service = s.model.status.inference_service, s.observed.before, s.observed.service
    if old is not None and before is not None and before.answering > 0 and not s.rolled_out:
        return old.model_copy(update={"ready_replicas": before.answering})
    if service is None or not belongs(service, s.model):
        return None
    stays = old is not None and old.name == service.name
    return InferenceServiceStatus(
        name=service.name,
        url=url(s),
        ready_replicas=s.answering,
        since=old.since if old is not None and stays else s.now,
    )


def url(s: Situation) -> str:
    """Return the address clients in the cluster use.

    KServe's Service listens on port 80, except when KServe is configured to make it headless: a headless
    Service only names the pods, so the port is the container's.
    """
    name, namespace = s.place, s.model.namespace
    told = s.observed.service.host if s.observed.service else ""
    host = told or f"{name}-predictor.{namespace}.svc.cluster.local"
    return f"http://{host}:{SERVE_PORT}" if s.observed.headless else f"http://{host}"


def _failure(s: Situation, root: Finding | None) -> Failure | None:
    """Return the last failure: this one, when it is new, else the one that is remembered."""
    old = s.model.status.last_failure
    if root is None or not root.failure:
        return old
    fetch = s.fetch
    if fetch.trouble is not None and fetch.trouble.message == root.message and fetch.failed_at is not None:
        return Failure(reason=root.reason, message=root.message, time=fetch.failed_at, fetch=fetch.name)
    before = s.model.status.condition("Ready")
    if old is not None and old.reason == root.reason and before is not None and before.reason == root.reason:
        return old
    return Failure(reason=root.reason, message=root.message, time=s.now)
