"""Events: what changed between two statuses of a Model, told once each."""

from dataclasses import dataclass
from typing import Literal

from veriaidpo_operator.decisions.actions import Action, Create, Patch
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.sentences import Phrase, Sentences, Told, full_stop

# Steps of a download follow each other within seconds and are in the status; as events they would only be
# noise.
_QUIET = frozenset(
    {
        Reason.RESOLVING,
        Reason.VERIFYING,
        Reason.PUBLISHING,
        Reason.CREATING,
        Reason.FETCH_STOPPING,
        Reason.QUEUED,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """An event about a Model."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def events(
    before: Status, after: Status, say: Sentences, warnings: tuple[str, ...] = ()
) -> tuple[Event, ...]:
    """Return the events that a change of status deserves; `warnings`: what a fetch that ended found odd."""
    found: list[Event] = []
    if after.fetched_revision and after.fetched_revision != before.fetched_revision:
        commit = (after.resolved_commit or say(Phrase.UNKNOWN))[:12]
        text = say(Told.REVISION_FETCHED, revision=after.fetched_revision[:12], commit=commit)
        found.append(Event("Normal", Told.REVISION_FETCHED, text))
    found += _source_away(before, after)
    came = (after.fetched_by, after.fetched_revision) != (before.fetched_by, before.fetched_revision)
    if warnings and came:
        detail = " ".join(full_stop(text) for text in warnings)
        text = say(Told.FETCHED_WITH_WARNINGS, revision=(after.fetched_revision or "")[:12], detail=detail)
        found.append(Event("Warning", Told.FETCHED_WITH_WARNINGS, text))
    found += _quarantine(before, after, say)
    if after.current_revision and after.current_revision != before.current_revision:
        text = say(Told.REVISION_SERVING, revision=after.current_revision[:12])
        if before.current_revision:
            text += " " + say(Phrase.BEFORE, revision=before.current_revision[:12])
        found.append(Event("Normal", Told.REVISION_SERVING, text))
    ready, was = after.condition("Ready"), before.condition("Ready")
    degraded = after.condition("Degraded")
    if ready is not None and was is not None and ready.reason != was.reason and ready.reason not in _QUIET:
        bad = ready.status != "True" and degraded is not None and degraded.status == "True"
        found.append(Event("Warning" if bad else "Normal", ready.reason, ready.message))
    converted, had = after.condition("Converted"), before.condition("Converted")
    if converted is not None and converted.reason == Reason.GATE_FAILED and had != converted:
        found.append(Event("Warning", Reason.GATE_FAILED, converted.message))
    return tuple(found)


def announced(action: Action, say: Sentences) -> tuple[Event, ...]:
    """Return the events of what was done: whoever deletes a Model should know what goes with it."""
    match action:
        case Create(
            {"kind": "PersistentVolumeClaim", "metadata": {"name": name, "ownerReferences": [_, *_]}}
        ):
            pass
        case Patch("PersistentVolumeClaim", name, _, {"metadata": {"ownerReferences": [_, *_]}}):
            pass
        case _:
            return ()
    return (Event("Warning", Told.CLAIM_GOES, say(Told.CLAIM_GOES, claim=name)),)


def _source_away(before: Status, after: Status) -> list[Event]:
    """Return the event of a source that is away, once for as long as it is."""
    now, had = after.condition("Downloaded"), before.condition("Downloaded")
    if now is None or now.reason != Reason.SOURCE_AWAY or (had is not None and had.reason == now.reason):
        return []
    return [Event("Warning", Reason.SOURCE_AWAY, now.message)]


def _quarantine(before: Status, after: Status, say: Sentences) -> list[Event]:
    """Return the events of revisions that were found bad, and of going back to a good one."""
    found: list[Event] = []
    for q in after.quarantined:
        if q not in before.quarantined:
            text = say(Told.REVISION_QUARANTINED, revision=q.digest[:12], detail=q.message)
            found.append(Event("Warning", Told.REVISION_QUARANTINED, text))
    was, now = before.target_revision, after.target_revision
    if was in {q.digest for q in after.quarantined} and now not in {None, was}:
        text = say(Told.ROLLED_BACK, bad=str(was)[:12], revision=str(now)[:12])
        found.append(Event("Warning", Told.ROLLED_BACK, text))
    return found
