"""What the pods of a fetch and of a predictor have in common: how they may run, and the volumes they see."""

from collections.abc import Mapping
from typing import Any

from veriaidpo_operator.api import Json, Resources
from veriaidpo_operator.objects.quantity import exceeds
from veriaidpo_operator.settings import Settings

ROOT = "/mnt/models"
USER = 10001


def pod(settings: Settings) -> Json:
    """Give what a pod of this operator may not do, where it may run, and where its images come from.

    What is empty is said too, so that a wish that was withdrawn is seen to be one.
    """
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": settings.scheduling.node_selector,
        "tolerations": list(settings.scheduling.tolerations),
        "affinity": settings.scheduling.affinity,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }


def container_security() -> Json:
    """Give what a container may not do."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }


def models_volume(claim: str, *, read_only: bool) -> Json:
    """Give the volume with the revisions."""
    source: Json = {"claimName": claim} | ({"readOnly": True} if read_only else {})
    return {"name": "models", "persistentVolumeClaim": source}


def tmp_volume() -> Json:
    """Give the only place that is written to besides it."""
    return {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}


def resources(wanted: Resources, defaults: Mapping[str, Mapping[str, Any]]) -> Json:
    """Lay the Model's quantities over the defaults; a default gives way where it would contradict them."""
    limits = {**defaults["limits"], **wanted.limits}
    requests = {**defaults["requests"], **wanted.requests}
    for name in requests.keys() & limits.keys():
        if exceeds(requests[name], limits[name]):
            if name in wanted.requests:
                limits[name] = requests[name]
            else:
                requests[name] = limits[name]
    return {"requests": requests, "limits": limits}
