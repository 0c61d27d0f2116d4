"""A Model whose spec this operator cannot read, as far as it can be known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from veriaidpo_operator.api import Json, Model, parse
from veriaidpo_operator.recorded import Status

_SCALE = ("minReplicas", "maxReplicas")


def stand_in(body: Mapping[str, Any]) -> Model:
    """Return the Model with its metadata, its status and how many replicas it wants.

    Nothing else of its spec counts. A status that is not understood either is an empty one.
    """
    serving: Json = body["spec"].get("serving") or {}
    scale = {key: serving[key] for key in _SCALE if isinstance(serving.get(key), int)}
    spec: Json = {"modelType": "", "language": "", "labels": [], "source": {"uri": ""}, "serving": scale}
    try:
        known = Status.model_validate(body.get("status") or {})
    except ValidationError:
        known = Status()
    return replace(parse({**body, "spec": spec, "status": {}}), status=known)
