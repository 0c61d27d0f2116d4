"""Events: what changed between two statuses of a Model, told once each."""

from dataclasses import dataclass
from typing import Literal

from veriaidpo_operator.api import Status
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase, Sentences, Told

# Steps of a download follow each other within seconds and are in the status; as events they would only be
# noise.
_QUIET = frozenset(
    {Reason.RESOLVING, Reason.VERIFYING, Reason.PUBLISHING, Reason.CREATING, Reason.FETCH_STOPPING}
)


@dataclass(frozen=True, slots=True)
class Event:
    """An event about a Model."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def events(before: Status, after: Status, say: Sentences) -> tuple[Event, ...]:
    """Return the events that a change of status deserves."""
    found = []
    if after.target_revision and after.target_revision != before.target_revision:
        commit = (after.resolved_commit or say(Phrase.UNKNOWN))[:12]
        text = say(Told.REVISION_FETCHED, revision=after.target_revision[:12], commit=commit)
        found.append(Event("Normal", Told.REVISION_FETCHED, text))
    if after.current_revision and after.current_revision != before.current_revision:
        text = say(Told.REVISION_SERVING, revision=after.current_revision[:12])
        if before.current_revision:
            text += " " + say(Phrase.BEFORE, revision=before.current_revision[:12])
        found.append(Event("Normal", Told.REVISION_SERVING, text))
    ready, was = after.condition("Ready"), before.condition("Ready")
    degraded = after.condition("Degraded")
    if ready is not None and was is not None and ready.reason != was.reason and ready.reason not in _QUIET:
        bad = degraded is not None and degraded.status == "True"
        found.append(Event("Warning" if bad else "Normal", ready.reason, ready.message))
    return tuple(found)
