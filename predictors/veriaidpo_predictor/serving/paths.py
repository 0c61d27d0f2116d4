"""Which paths a predictor has, and of what kind each is. Whatever is not listed here is not there."""

import re
from dataclasses import dataclass

_NAME = r"(?P<model>[a-z0-9-]{1,63})"
_OTHER = r"(?P<other>[a-z0-9-]{1,63})"  # a group has one name, and a pattern may have two places for a model
_OPEN = re.compile(
    rf"^(?:/|/metrics|/states|/v2/health/(?:live|ready)|/v1/models/{_NAME}|/v2/models/{_OTHER}/ready)$"
)
_ASKING = re.compile(rf"^/(?:v1/models/{_NAME}:predict|v2/models/{_OTHER}/infer)$")
_TELLING = re.compile(rf"^/v2/models/{_NAME}$")
_LISTS = {"/v1/models", "/v2/models", "/v2"}


@dataclass(frozen=True, slots=True)
class Route:
    """A path: the model it names, if any, its one method, and whether it needs no token or asks a model."""

    model: str | None
    method: str
    is_open: bool
    asks: bool = False


def route(path: str) -> Route | None:
    """Give what a path is; None where there is no such path."""
    if found := _OPEN.match(path):
        return Route(found["model"] or found["other"], "GET", is_open=True)
    if found := _ASKING.match(path):
        return Route(found["model"] or found["other"], "POST", is_open=False, asks=True)
    if found := _TELLING.match(path):
        return Route(found["model"], "GET", is_open=False)
    return Route(None, "GET", is_open=False) if path in _LISTS else None
