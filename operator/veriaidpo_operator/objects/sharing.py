"""The objects of a shared predictor: its InferenceService, and the list that it follows. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from veriaidpo_operator.api import MANAGER, Json, Model, Resources
from veriaidpo_operator.objects.claims import digest, owner
from veriaidpo_operator.objects.inference_service import SERVE_PORT, Scale, container, inference_service
from veriaidpo_operator.objects.places import SHARED_LABEL, shared_name
from veriaidpo_operator.objects.pod_parts import ROOT, resources
from veriaidpo_operator.settings import Settings

LIST_DIR = "/etc/veriaidpo/models"
_UNFINISHED = "/tmp/unfinished"  # noqa: S108 (the pod's own, and kept while its container starts again)
_PATIENCE_SECONDS = 600
_DEFAULTS = {
    "requests": {"cpu": "100m", "memory": "1Gi"},
    "limits": {"cpu": "2", "memory": "4Gi"},
}


def entry(model: Model, revision: str, fetched_by: str | None) -> str:
    """Return what the list says of a Model: the digest, and a number that is another one after each fetch.

    A revision that could not be loaded is tried again for it; one that answers is not touched.
    """
    known = model.status.revision_of(revision)
    number = int(digest([fetched_by, known.repairs if known else 0])[:7], 16)
    return f"{revision} {number}"


def listing(claim: str, namespace: str, entries: Mapping[str, str], owners: Sequence[Model]) -> Json:
    """Build the ConfigMap that a shared predictor follows."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(claim, namespace, owners),
        "data": dict(entries),
    }


def shared_service(claim: str, namespace: str, owners: Sequence[Model], settings: Settings) -> Json:
    """Build the InferenceService of all Models on a claim; it goes with the last of them."""
    name = shared_name(claim)
    least = max((model.spec.serving.min_replicas for model in owners), default=1)
    most = max((model.spec.serving.max_replicas or 0 for model in owners), default=0)
    return inference_service(
        settings,
        metadata=_metadata(claim, namespace, owners),
        scale=Scale(
            least, max(least, most), any(model.spec.serving.autoscaler == "external" for model in owners)
        ),
        container=container(
            settings,
            image=settings.predictor_image,
            args=[
                *("serve", "--models", LIST_DIR, "--root", ROOT),
                *("--unfinished", _UNFINISHED, "--port", str(SERVE_PORT)),
            ],
            resources=resources(Resources.model_validate(settings.shared_resources), _DEFAULTS),
            ready="/v2/health/ready",
            patience=_PATIENCE_SECONDS,
            mounts=[{"name": "list", "mountPath": LIST_DIR, "readOnly": True}],
        ),
        claim=claim,
        volumes=[{"name": "list", "configMap": {"name": name}}],
    )


def taken_up_as(entries: Mapping[str, str]) -> str:
    """Return the hash by which a pod is told that its list has changed."""
    return digest(dict(entries))[:16]


def _metadata(claim: str, namespace: str, owners: Iterable[Model]) -> Json:
    name = shared_name(claim)
    return {
        "name": name,
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/managed-by": MANAGER,
            "app.kubernetes.io/part-of": "veriaidpo",
            SHARED_LABEL: name,
        },
        # None of them is the controller: it goes when all have gone.
        "ownerReferences": [owner(model) | {"controller": False} for model in owners],
    }
