"""Which revision shall answer: the wanted one, or the last good one while that is quarantined. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from veriaidpo_operator.api import Model
from veriaidpo_operator.objects.fetch_words import FetchResult
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.recorded import Quarantined, Status

_REMEMBERED = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted, and what shall answer."""

    wanted: str | None = None
    target: str | None = None
    """The wanted revision, unless it is quarantined and there is another one that was good."""
    barred: Quarantined | None = None
    """Why the wanted revision is not tried again as it is."""
    unknown_pin: bool = False
    """Whether spec.pinnedRevision is none of the revisions on the volume."""

    @property
    def rolled_back(self) -> bool:
        """Tell whether another revision answers in place of the wanted one."""
        return self.target != self.wanted


def same_volume(status: Status, observed: Observed) -> bool:
    """Tell whether the claim is the one that the known revisions are on, not one made anew under its name."""
    claim = observed.claim
    return claim is not None and status.claim_uid in {None, claim.uid}


def on_volume(status: Status) -> tuple[str, ...]:
    """Return the digests known to be on the volume."""
    known = (r.digest for r in status.revisions)
    others = (status.current_revision, status.previous_revision, status.target_revision)
    return tuple(dict.fromkeys([*known, *(one for one in others if one is not None)]))


def pinned(model: Model, observed: Observed) -> str | None:
    """Return the revision on the volume that spec.pinnedRevision names, or begins with."""
    pin = model.spec.pinned_revision
    if pin is None or not same_volume(model.status, observed):
        return None
    found = [digest for digest in on_volume(model.status) if digest.startswith(pin)]
    return found[0] if len(found) == 1 else None


def newest(status: Status, result: FetchResult | None) -> str | None:
    """Return the revision that the last successful fetch brought."""
    return result.digest if result else status.fetched_revision or status.target_revision


def choose(
    model: Model, observed: Observed, result: FetchResult | None, *, trial: Callable[[str], str]
) -> Choice:
    """Choose the revision that shall answer.

    trial: gives the hash of what serving a revision now would be (serving.trial).
    """
    status = model.status
    wanted, unknown = pinned(model, observed), False
    if wanted is None:
        wanted, unknown = newest(status, result), model.spec.pinned_revision is not None
        if unknown and status.target_revision and same_volume(status, observed):
            wanted = status.target_revision  # a word that means nothing changes nothing
    if wanted is None:
        return Choice(unknown_pin=unknown)
    entry = next((q for q in status.quarantined if q.digest == wanted), None)
    barred = entry if entry is not None and entry.trial == trial(wanted) else None
    target = wanted if barred is None else next(good(status, without=wanted), wanted)
    return Choice(wanted, target, barred, unknown)


def good(status: Status, *, without: str) -> Iterator[str]:
    """Yield the revisions that have answered and were never found bad since, the best first."""
    served = (r.digest for r in status.revisions if r.served_at is not None)
    there = {r.digest for r in status.revisions} - {q.digest for q in status.quarantined} - {without}
    for digest in dict.fromkeys([status.current_revision, status.previous_revision, *served]):
        if digest in there:
            yield digest


def quarantined(status: Status, entry: Quarantined) -> Status:
    """Return the status with a revision in quarantine."""
    others = (q for q in status.quarantined if q.digest != entry.digest)
    return status.model_copy(update={"quarantined": (entry, *others)[:_REMEMBERED]})
