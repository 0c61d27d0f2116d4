"""The conditions of a Model: what each of them says of a situation, and since when. Pure."""

from datetime import datetime

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions import checks, conversion, standing_in
from veriaidpo_operator.decisions.conversion import Said
from veriaidpo_operator.decisions.finding import Finding, first
from veriaidpo_operator.decisions.serving_checks import SERVE
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.decisions.storage_checks import claim_grows
from veriaidpo_operator.reasons import REFUSED_BYTES, Reason
from veriaidpo_operator.recorded import Condition, Status
from veriaidpo_operator.sentences import Phrase

CONDITIONS = (
    "Downloaded", "Verified", "Converted", "InferenceServiceReady",
    "WarmedUp", "Servable", "Ready", "Degraded",
)  # fmt: skip


def conditions(s: Situation, status: Status, root: Finding | None) -> tuple[Condition, ...]:
    """Return all conditions for what was observed; `root` is what keeps the Model from being Ready."""
    serve = first(SERVE, s)
    facts = _facts(s, status)
    wrong = _wrong(s, status, root, facts)
    # A predictor reports ready only after it has answered its golden sentences.
    answers = _answer(s, serve, Reason.PREDICTOR_READY, facts, unknown=s.target is None)
    said: dict[str, Said] = {
        **_fetch_conditions(s, status, facts),
        "InferenceServiceReady": answers,
        "WarmedUp": answers,
        "Servable": _servable(s, status, serve, root, facts),
        "Ready": _answer(
            s, root, Reason.SERVING if s.model.spec.pinned_revision is None else Reason.PINNED, facts
        ),
        "Degraded": ("False", Reason.AS_EXPECTED, s.say(Reason.AS_EXPECTED))
        if wrong is None
        else ("True", wrong[0], wrong[1]),
    }
    return tuple(stamped(s.model.status, s.model, kind, said[kind], s.now) for kind in CONDITIONS)


def _wrong(
    s: Situation, status: Status, root: Finding | None, facts: dict[str, object]
) -> tuple[str, str] | None:
    """Return reason and message of what is wrong although the Model may answer; None when nothing is."""
    found = root if root is not None and root.failure else claim_grows(s)
    if found is not None:
        return found.reason, found.message
    stands_in = _stands_in(s, status, facts) if root is None else None
    return stands_in[1:] if stands_in is not None else None


def _stands_in(s: Situation, status: Status, facts: dict[str, object]) -> Said | None:
    """Return what Downloaded says while the source is away; None where it is not, or is not followed."""
    away = standing_in.reason(status, s.fetch.name)
    if away is None:
        return None
    return "True", Reason.SOURCE_AWAY, s.say(Reason.SOURCE_AWAY, detail=away.message, **facts)


def _facts(s: Situation, status: Status) -> dict[str, object]:
    deployment = s.observed.deployment
    return {
        "revision": (s.target or "")[:12],
        "claim": s.claim,
        "commit": (status.resolved_commit or s.say(Phrase.UNKNOWN))[:12],
        "ready": s.answering,
        "wanted": deployment.wanted if deployment else s.model.spec.serving.min_replicas,
        "url": status.inference_service.url if status.inference_service else "",
    }


def _answer(
    s: Situation, finding: Finding | None, well: Reason, facts: dict[str, object], *, unknown: bool = False
) -> Said:
    if finding is None:
        return "True", well, s.say(well, **facts)
    return "Unknown" if unknown and not finding.failure else "False", finding.reason, finding.message


def _fetch_conditions(s: Situation, status: Status, facts: dict[str, object]) -> dict[str, Said]:
    finding, damaged = first(checks.FETCH, s), checks.undamaged(s)
    waits: Said = ("Unknown", Reason.WAITING_FOR_REVISION, s.say(Reason.WAITING_FOR_REVISION))
    verified: Said = ("True", Reason.VERIFIED, s.say(Reason.VERIFIED, **facts))
    if damaged is not None:
        verified = ("False", damaged.reason, damaged.message)
    elif finding is not None:
        refused = finding.reason in REFUSED_BYTES
        verified = ("False", finding.reason, finding.message) if refused else waits
    stands_in = _stands_in(s, status, facts) if finding is None else None
    return {
        "Downloaded": stands_in or _answer(s, finding, Reason.FETCHED, facts),
        "Verified": verified,
        "Converted": waits if finding is not None else conversion.said(status.conversion, s.say),
    }


def _servable(
    s: Situation, status: Status, serve: Finding | None, root: Finding | None, facts: dict[str, object]
) -> Said:
    at = status.inference_service
    if status.current_revision is not None and at is not None and at.ready_replicas > 0:
        known = {**facts, "revision": status.current_revision[:12]}
        return "True", Reason.SERVING, s.say(Reason.SERVING, **known)
    cause = serve if s.target is not None and serve is not None else root
    if cause is None:
        return "False", Reason.ROLLING_OUT, s.say(Reason.ROLLING_OUT, **facts)
    return "False", cause.reason, cause.message


def stamped(old: Status, model: Model, kind: str, said: Said, now: datetime) -> Condition:
    """Return a condition; its transition time is kept while its status is the same."""
    truth, reason, message = said
    before = old.condition(kind)
    return Condition(
        type=kind,
        status=truth,
        reason=str(reason),
        message=message,
        last_transition_time=before.last_transition_time if before and before.status == truth else now,
        observed_generation=model.generation,
    )
