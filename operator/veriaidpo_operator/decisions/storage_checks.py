"""Checks of the claim: whether it is there, is the right one, and may be used."""

from datetime import timedelta

from veriaidpo_operator.decisions.finding import Check, Finding, fails, refused, waits
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects.claims import ours
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase


def claim_taken(s: Situation) -> Finding | None:
    """Check that the API server took the claim; that it would not let it grow is another matter."""
    return None if claim_grows(s) else _claim_refused(s)


def claim_grows(s: Situation) -> Finding | None:
    """Check that the claim may become as large as the Model wants; until then the Model goes on as it is."""
    detail, claim = s.observed.refused.get("PersistentVolumeClaim", ""), s.observed.claim
    if not detail or claim is None or objects.growth(s.model, claim) is None:
        return None
    return fails(s, Reason.EXPANSION_REFUSED, claim=claim.name, detail=detail)


def claim_there(s: Situation) -> Finding | None:
    """Check that the claim is there, is the right one, and may be used."""
    claim, wanted = s.observed.claim, objects.claim_name(s.model)
    own = s.model.spec.storage.claim_name is None
    if claim is None:
        return (
            waits(s, Reason.CREATING, what=s.say(Phrase.CLAIM, name=wanted))
            if own
            else fails(s, Reason.CLAIM_MISSING, claim=wanted)
        )
    if own and not ours(claim, s.model):
        return fails(s, Reason.NAME_CONFLICT, what=s.say(Phrase.CLAIM, name=wanted))
    if claim.phase == "Lost":
        return fails(s, Reason.VOLUME_LOST, claim=wanted)
    if claim.deleting:
        return fails(s, Reason.VOLUME_PENDING, claim=wanted, detail=s.say(Phrase.CLAIM_DELETED))
    return None


def claim_provisioned(s: Situation) -> Finding | None:
    """Check that nobody complained about the claim while it waits for its volume.

    Waiting for the first pod is normal for many storage classes, so Pending alone is no finding.
    """
    claim = s.observed.claim
    grace = timedelta(seconds=s.settings.pending_grace_seconds)
    if claim is None or claim.phase != "Pending" or s.now - claim.created <= grace:
        return None
    for text in s.observed.claim_warnings:
        lower = text.lower()
        if ("storageclass" in lower and "not found" in lower) or "no storage class" in lower:
            return fails(s, Reason.STORAGE_CLASS_MISSING, claim=claim.name, detail=text)
        return fails(s, Reason.VOLUME_PENDING, claim=claim.name, detail=text)
    return None


_claim_refused = refused("PersistentVolumeClaim", Phrase.CLAIM, lambda s: objects.claim_name(s.model))
STORAGE: tuple[Check, ...] = (
    claim_taken,
    claim_there,
    claim_provisioned,
)
