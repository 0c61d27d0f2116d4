"""What a check finds: why something is not as wanted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from veriaidpo_operator.decisions.refusals import over_quota
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase


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


def fails(s: Situation, reason: Reason, **facts: object) -> Finding:
    """Make the finding of something that is wrong, with the facts of its sentence."""
    return Finding(reason, s.say(reason, **facts), failure=True)


def waits(s: Situation, reason: Reason, **facts: object) -> Finding:
    """Make the finding of something that is on its way."""
    return Finding(reason, s.say(reason, **facts), failure=False)


def refused(kind: str, what: Phrase, name: Callable[[Situation], str]) -> Check:
    """Make the check that the API server took an object of this kind, which has this name."""

    def check(s: Situation) -> Finding | None:
        detail = s.observed.refused.get(kind)
        if not detail:
            return None
        reason = Reason.QUOTA_EXCEEDED if over_quota(detail) else Reason.REFUSED
        return fails(s, reason, what=s.say(what, name=name(s)), detail=detail)

    return check
