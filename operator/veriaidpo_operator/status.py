"""The new status of a Model, from what was observed and what the status said before. Pure."""

from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from veriaidpo_operator import checks
from veriaidpo_operator.api import (
    Condition,
    DownloadStatus,
    Failure,
    InferenceServiceStatus,
    Model,
    Revision,
    Status,
)
from veriaidpo_operator.checks import Finding, Situation, ours
from veriaidpo_operator.fetching import Phase
from veriaidpo_operator.objects import SERVE_PORT
from veriaidpo_operator.reasons import REFUSED_BYTES, Reason
from veriaidpo_operator.sentences import Phrase, Sentences

CONDITIONS = (
    "Downloaded", "Verified", "Converted", "InferenceServiceReady",
    "WarmedUp", "Servable", "Ready", "Degraded",
)  # fmt: skip

_Truth = Literal["True", "False", "Unknown"]


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
    said: dict[str, _Truth] = {"Ready": "False", "Degraded": "True"}
    conditions = tuple(
        stamped(old, model, c.type, (said[c.type], reason, text), now) if c.type in said else c
        for c in old.conditions
    )
    return old.model_copy(update={"conditions": conditions, "observed_generation": model.generation})


def next_status(s: Situation) -> Status:
    """Return the status as it should be written now."""
    old = s.model.status
    current = _current(s)
    status = old.model_copy(
        update={
            "observed_generation": s.model.generation,
            "claim_name": s.claim,
            "current_revision": current,
            "previous_revision": old.current_revision
            if old.current_revision not in {None, current}
            else old.previous_revision,
            "target_revision": s.target,
            "revision": (current or s.target or "")[:12] or None,
            "inference_service": _inference_service(s),
            **_fetch(s),
        }
    )
    root = checks.first(checks.READY, s)
    status = status.model_copy(update={"last_failure": _failure(s, root)})
    return status.model_copy(update={"conditions": _conditions(s, status, root)})


def _current(s: Situation) -> str | None:
    """Return the revision that answers: the target once it is rolled out, until then the one before."""
    old = s.model.status.current_revision
    if s.rolled_out:
        return s.target
    if old is None and s.on_target and s.observed.deployment is not None and s.observed.deployment.ready > 0:
        return s.target
    return old


def _fetch(s: Situation) -> dict[str, object]:
    """Return the fields the fetch has a say in."""
    fetch, old = s.fetch, s.model.status
    if fetch.result is not None:
        result = fetch.result
        return {
            "fetched_by": fetch.name,
            "resolved_commit": result.commit,
            "format": result.format or old.format,
            "revisions": _revisions(s),
            "progress": "100%",
            "download": DownloadStatus(
                bytes_total=result.bytes_total,
                bytes_done=result.bytes_total,
                percent=100,
                attempt=fetch.attempt,
                job=fetch.name,
            ),
        }
    if fetch.phase in {Phase.RUNNING, Phase.FAILED}:
        return _progress(s)
    if fetch.phase is Phase.DONE:  # maybe the spec came back to what had been fetched before
        same = old.download is not None and old.download.job == fetch.name
        return {
            "progress": "100%",
            "download": old.download if same else DownloadStatus(percent=100, job=fetch.name),
        }
    return {}


def _revisions(s: Situation) -> tuple[Revision, ...]:
    result, old = s.fetch.result, s.model.status.revisions
    if result is None or result.digest is None:
        return old
    known = next((r for r in old if r.digest == result.digest), None)
    newest = Revision(
        digest=result.digest,
        commit=result.commit,
        size_bytes=result.size_bytes,
        format=result.format,
        published_at=known.published_at if known else s.now,
    )
    return (newest, *(r for r in old if r.digest != result.digest))[: s.model.spec.revision_history_limit]


def _progress(s: Situation) -> dict[str, object]:
    fetch, progress, before = s.fetch, s.observed.progress, s.model.status.download
    if progress is None or progress.bytes_total is None:
        # The pod does not answer while it starts and ends: what the same Job has done stays said.
        same = before if before is not None and before.job == fetch.name else DownloadStatus()
        download = same.model_copy(update={"job": fetch.name, "attempt": fetch.attempt})
        return {"download": download, "progress": f"{download.percent or 0}%"}
    done = progress.bytes_done or 0
    percent = min(100, int(100 * done / progress.bytes_total)) if progress.bytes_total else 100
    return {
        "download": DownloadStatus(
            bytes_total=progress.bytes_total,
            bytes_done=done,
            percent=percent,
            bytes_per_second=_whole(progress.bytes_per_second),
            remaining_seconds=_whole(progress.remaining_seconds),
            attempt=fetch.attempt,
            job=fetch.name,
        ),
        "progress": f"{percent}%",
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else max(0, round(number))


def _inference_service(s: Situation) -> InferenceServiceStatus | None:
    service = s.observed.service
    if service is None or not ours(service, s.model):
        return None
    deployment = s.observed.deployment
    return InferenceServiceStatus(
        name=service.name, url=url(s), ready_replicas=deployment.ready if deployment else 0
    )


def url(s: Situation) -> str:
    """Return the address clients in the cluster use.

    KServe's Service listens on port 80, except when KServe is configured to make it headless: a headless
    Service only names the pods, so the port is the container's.
    """
    name, namespace = s.model.name, s.model.namespace
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


def _conditions(s: Situation, status: Status, root: Finding | None) -> tuple[Condition, ...]:
    serve = checks.first(checks.SERVE, s)
    facts = _facts(s, status)
    said: dict[str, tuple[_Truth, str, str]] = {
        **_fetch_conditions(s, facts),
        "InferenceServiceReady": _answer(s, serve, Reason.PREDICTOR_READY, facts, unknown=s.target is None),
        "WarmedUp": _answer(s, serve, Reason.PREDICTOR_READY, facts, unknown=s.target is None),
        "Servable": _servable(s, status, serve, root, facts),
        "Ready": _answer(s, root, Reason.SERVING, facts),
        "Degraded": ("True", root.reason, root.message)
        if root is not None and root.failure
        else ("False", Reason.AS_EXPECTED, s.say(Reason.AS_EXPECTED)),
    }
    return tuple(stamped(s.model.status, s.model, kind, said[kind], s.now) for kind in CONDITIONS)


def _facts(s: Situation, status: Status) -> dict[str, object]:
    deployment = s.observed.deployment
    return {
        "revision": (s.target or "")[:12],
        "claim": s.claim,
        "commit": (status.resolved_commit or s.say(Phrase.UNKNOWN))[:12],
        "ready": deployment.ready if deployment else 0,
        "wanted": deployment.wanted if deployment else s.model.spec.serving.min_replicas,
        "url": status.inference_service.url if status.inference_service else "",
    }


def _answer(
    s: Situation, finding: Finding | None, well: Reason, facts: dict[str, object], *, unknown: bool = False
) -> tuple[_Truth, str, str]:
    if finding is None:
        return "True", well, s.say(well, **facts)
    return "Unknown" if unknown and not finding.failure else "False", finding.reason, finding.message


def _fetch_conditions(s: Situation, facts: dict[str, object]) -> dict[str, tuple[_Truth, str, str]]:
    finding = checks.first(checks.FETCH, s)
    downloaded = _answer(s, finding, Reason.FETCHED, facts)
    if finding is None:
        return {
            "Downloaded": downloaded,
            "Verified": ("True", Reason.VERIFIED, s.say(Reason.VERIFIED, **facts)),
            "Converted": ("True", Reason.NOT_REQUESTED, s.say(Reason.NOT_REQUESTED)),
        }
    waits: tuple[_Truth, str, str] = (
        "Unknown",
        Reason.WAITING_FOR_REVISION,
        s.say(Reason.WAITING_FOR_REVISION),
    )
    refused: tuple[_Truth, str, str] = ("False", finding.reason, finding.message)
    return {
        "Downloaded": downloaded,
        "Verified": refused if finding.reason in REFUSED_BYTES else waits,
        "Converted": waits,
    }


def _servable(
    s: Situation, status: Status, serve: Finding | None, root: Finding | None, facts: dict[str, object]
) -> tuple[_Truth, str, str]:
    deployment = s.observed.deployment
    if status.current_revision is not None and deployment is not None and deployment.ready > 0:
        known = {**facts, "revision": status.current_revision[:12]}
        return "True", Reason.SERVING, s.say(Reason.SERVING, **known)
    cause = serve if s.target is not None and serve is not None else root
    if cause is None:
        return "False", Reason.ROLLING_OUT, s.say(Reason.ROLLING_OUT, **facts)
    return "False", cause.reason, cause.message


def stamped(old: Status, model: Model, kind: str, said: tuple[_Truth, str, str], now: datetime) -> Condition:
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
