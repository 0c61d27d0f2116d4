"""What is wanted, was seen and is remembered, brought together for decisions to look at. Pure."""

from datetime import datetime

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.decisions.fetching import Phase, look
from veriaidpo_operator.decisions.revisions import choose, newest
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects import places, serving, sharing
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.settings import Settings


def assess(model: Model, observed: Observed, settings: Settings, now: datetime) -> Situation:
    """Bring together what decisions look at."""
    fetch = look(model, observed, settings, now)
    status = model.status
    settled = fetch.phase is Phase.DONE or status.claim_name is None or newest(status, fetch.result) is None
    claim = objects.claim_name(model) if settled else str(status.claim_name)
    fetched_by = fetch.name if fetch.result else status.fetched_by

    def service(revision: str) -> Json:
        if places.shared(model):
            return sharing.shared_service(places.claim(model), model.namespace, [model], settings)
        return serving.own_service(model, settings, revision=revision, claim=claim)

    def entry(revision: str) -> str:
        return sharing.entry(model, revision, fetched_by) if places.shared(model) else ""

    def trial(revision: str) -> str:
        told = filter(None, [entry(revision)])
        return serving.trial(model, service(revision), fetched_by, *told)

    choice = choose(model, observed, fetch.result, trial=trial)
    target = choice.target
    return Situation(
        model=model,
        observed=observed,
        settings=settings,
        now=now,
        fetch=fetch,
        choice=choice,
        claim=claim,
        service=service(target) if target else None,
        trial=trial(target) if target else "",
        entry=entry(target) if target else "",
    )
