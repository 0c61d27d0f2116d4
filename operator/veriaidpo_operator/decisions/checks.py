"""Ordered checks over what was observed: the first that fails is the root cause, the reason of Ready.

Each check looks at one thing and answers with a finding or None. A finding that is a failure makes the Model
Degraded; another one only says that something is still on its way.
"""

from veriaidpo_operator.decisions.fetching import Phase
from veriaidpo_operator.decisions.finding import Check, Finding, fails, refused, waits
from veriaidpo_operator.decisions.revisions import on_volume
from veriaidpo_operator.decisions.serving_checks import SERVE
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.decisions.storage_checks import STORAGE
from veriaidpo_operator.reasons import Reason, known
from veriaidpo_operator.sentences import Phrase


def suspended(s: Situation) -> Finding | None:
    """Check that the Model is not suspended."""
    return waits(s, Reason.SUSPENDED) if s.model.spec.suspend else None


def fetched(s: Situation) -> Finding | None:
    """Check that the wanted revision is on the volume."""
    fetch = s.fetch
    if fetch.phase in {Phase.DONE, Phase.PINNED} or fetch.unnoticed:
        return None
    if fetch.trouble is not None:
        return Finding(fetch.trouble.reason, fetch.trouble.message, failure=True)
    if fetch.phase is Phase.STALE:
        return waits(s, Reason.FETCH_STOPPING, job=fetch.name)
    if fetch.step is not None:
        return Finding(fetch.step.reason, fetch.step.message, failure=False)
    return waits(s, Reason.CREATING, what=s.say(Phrase.FETCH_JOB, name=fetch.name))


def undamaged(s: Situation) -> Finding | None:
    """Check that no predictor found the wanted revision damaged since it was last fetched."""
    entry = s.choice.barred
    return tried_well(s) if entry is not None and entry.reason == Reason.REVISION_DAMAGED else None


def pin_known(s: Situation) -> Finding | None:
    """Check that spec.pinnedRevision, if there is one, names a revision on the volume."""
    if not s.choice.unknown_pin:
        return None
    there = ", ".join(digest[:12] for digest in on_volume(s.model.status)) or s.say(Phrase.NO_REVISION)
    return fails(s, Reason.REVISION_UNKNOWN, revision=s.model.spec.pinned_revision, detail=there)


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


FETCH: tuple[Check, ...] = (
    *STORAGE,
    refused("ConfigMap", Phrase.FETCH_ORDER, lambda s: s.fetch.name),
    refused("Job", Phrase.FETCH_JOB, lambda s: s.fetch.name),
    fetched,
)
READY: tuple[Check, ...] = (suspended, undamaged, *FETCH, pin_known, tried_well, *SERVE)
