"""Who has to be looked at when something happens to a shared predictor: known from the Models' own events."""

from collections.abc import Mapping
from typing import Any

from veriaidpo_operator.api import understood
from veriaidpo_operator.objects import places, reading
from veriaidpo_operator.objects.places import SHARED_LABEL


class Sharers:
    """Which Models are served beside others, and where."""

    def __init__(self) -> None:
        self._claims: dict[str, str] = {}

    def model_changed(self, body: Mapping[str, Any]) -> list[str]:
        """Note where a Model is served; return what to look at: it, what it left and what it shares."""
        name: str = body["metadata"]["name"]
        left = self._claims.pop(name, None)
        claims = [] if left is None else [left]
        model = understood(body)
        if model is not None and places.shared(model):
            self._claims[name] = places.claim(model)
            claims.append(self._claims[name])
        return [name, *dict.fromkeys(map(places.key, claims))]

    def child_changed(self, body: Mapping[str, Any]) -> list[str]:
        """Return what to look at when an object of a shared predictor changed: that, and its Models."""
        place = body["metadata"]["labels"][SHARED_LABEL]
        claim = reading.claim_of(body)
        sharing = [name for name, at in self._claims.items() if places.shared_name(at) == place]
        return [*([places.key(claim)] if claim else []), *sharing]
