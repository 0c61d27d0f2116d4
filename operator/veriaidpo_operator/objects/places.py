"""Where a Model answers: at a predictor of its own, or at the one of all Models that share a claim. Pure."""

from datetime import datetime, timedelta

from veriaidpo_operator.api import GROUP, MANAGER, Model
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects.children import Child
from veriaidpo_operator.objects.claims import claim_name, digest, ours
from veriaidpo_operator.recorded import InferenceServiceStatus

SHARED_LABEL = f"{GROUP}/shared"
"""On everything of a shared predictor; its value is the predictor's name."""

MOVING = timedelta(seconds=15)
"""What a Model has moved away from goes on answering for so long: callers follow within a second."""

_KEY = "shared/"


def shared(model: Model) -> bool:
    """Tell whether a Model is to be served beside others.

    From a claim of its own it is served alone, until a fetch has filled the common one.
    """
    own = objects.own_claim_name(model)
    is_alone = model.status.claim_name == own != claim_name(model)
    return model.spec.serving.placement == "shared" and not is_alone


def claim(model: Model) -> str:
    """Return the claim a Model is served from; another that it wants counts once a fetch has filled it."""
    return model.status.claim_name or claim_name(model)


def shared_name(claim: str) -> str:
    """Return the name of the predictor of all Models on a claim; no Model's name begins like it."""
    return f"shared-{claim[:24].replace('.', '-').rstrip('-')}-{digest(claim)[:8]}"


def place(model: Model) -> str:
    """Return the name of the InferenceService that shall serve a Model."""
    return shared_name(claim(model)) if shared(model) else model.name


def belongs(child: Child, model: Model) -> bool:
    """Tell whether the object of that name is what it has to be: the Model's, or a shared predictor's."""
    return of_shared(child, place(model)) if shared(model) else ours(child, model)


def of_shared(child: Child, name: str) -> bool:
    """Tell whether an object was made for the shared predictor of that name by this operator."""
    managed = child.labels.get("app.kubernetes.io/managed-by") == MANAGER
    return managed and child.labels.get(SHARED_LABEL) == name


def moved(at: InferenceServiceStatus | None, name: str, now: datetime) -> bool:
    """Tell whether a Model answers at a place, of which callers have known long enough to ask at no other."""
    if at is None or at.name != name or not at.ready_replicas:
        return False
    return at.since is None or now - at.since >= MOVING


def key(claim: str) -> str:
    """Return the name under which the shared predictor of a claim is looked after; no Model has such."""
    return f"{_KEY}{claim}"


def claim_of(key: str) -> str | None:
    """Return the claim whose shared predictor is looked after under a name; None for a Model's."""
    return key.removeprefix(_KEY) if key.startswith(_KEY) else None
