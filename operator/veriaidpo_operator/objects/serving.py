"""The InferenceService that serves a revision of one Model. Pure: same input, same object."""

from collections.abc import Mapping
from typing import Any

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.objects.claims import digest, labels, owner
from veriaidpo_operator.objects.inference_service import SERVE_PORT, Scale, container, inference_service
from veriaidpo_operator.objects.pod_parts import ROOT, resources
from veriaidpo_operator.settings import Settings


def revision_path(model: Model, revision: str) -> str:
    """Return the folder of a revision, as the pods see it."""
    return f"{ROOT}/models/{model.name}/revisions/{revision}"


def ready_path(model: Model) -> str:
    """Return the path of the probe that tells whether, and why not, a predictor answers."""
    return f"/v2/models/{model.name}/ready"


def image(model: Model, settings: Settings, revision: str) -> str:
    """Return the image that computes a revision: what it was published as decides, not what is wished."""
    known = model.status.revision_of(revision)
    published = known.format if known is not None else None
    needs_torch = (published or model.spec.serving.runtime).startswith("torch")
    return (needs_torch and settings.torch_predictor_image) or settings.predictor_image


def trial(model: Model, service: Json, fetched_by: str | None, *more: str) -> str:
    """Return the hash of all that decides how a revision fares: pod, bytes and wish, not how many.

    more: what else does, where many are served by one pod.
    """
    alike = {k: v for k, v in service["spec"]["predictor"].items() if k not in {"minReplicas", "maxReplicas"}}
    return digest([alike, fetched_by, model.spec.pinned_revision, *more])[:16]


def own_service(model: Model, settings: Settings, *, revision: str, claim: str) -> Json:
    """Build the InferenceService that serves one revision from one claim."""
    serving = model.spec.serving
    return inference_service(
        settings,
        metadata={
            "name": model.name,
            "namespace": model.namespace,
            "labels": labels(model),
            "ownerReferences": [owner(model)],
        },
        scale=Scale(
            serving.min_replicas,
            max(serving.min_replicas, serving.max_replicas or 0),
            serving.autoscaler == "external",
        ),
        container=_predictor(model, settings, revision),
        claim=claim,
    )


def _written_again(model: Model, revision: str) -> list[Json]:
    """Return what makes pods of a revision that was fetched anew differ from those that saw it damaged."""
    known = model.status.revision_of(revision)
    return [{"name": "REVISION_REPAIRS", "value": str(known.repairs)}] if known and known.repairs else []


def _predictor(model: Model, settings: Settings, revision: str) -> Json:
    defaults: Mapping[str, Mapping[str, Any]] = {
        "requests": {"cpu": "50m", "memory": "256Mi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }
    return container(
        settings,
        image=image(model, settings, revision),
        args=["serve", revision_path(model, revision), "--port", str(SERVE_PORT)],
        env=_written_again(model, revision),
        resources=resources(model.spec.serving.resources, defaults),
        ready=ready_path(model),
        patience=model.spec.serving.progress_deadline_seconds,
    )
