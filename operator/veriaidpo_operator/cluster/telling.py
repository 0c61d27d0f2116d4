"""An event about a Model as the API server stores it, for kubectl describe."""

import time
from datetime import datetime

from veriaidpo_operator.api import GROUP, KIND, MANAGER, MODEL_LABEL, VERSION, Json, Model
from veriaidpo_operator.decisions.transitions import Event


def stored(event: Event, model: Model, now: datetime) -> Json:
    """Return the object; each has a name of its own."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{model.name}.{time.time_ns():x}",
            "namespace": model.namespace,
            "labels": {MODEL_LABEL: model.name},
        },
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "name": model.name,
            "namespace": model.namespace,
            "uid": model.uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "source": {"component": MANAGER},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
