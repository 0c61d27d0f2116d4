"""The InferenceService that serves a revision. Pure: same input, same object."""

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.objects import digest, labels, owner
from veriaidpo_operator.pod_parts import ROOT, container_security, models_volume, pod, resources, tmp_volume
from veriaidpo_operator.settings import Settings

SERVE_PORT = 8080
TRUST_DIR = "/etc/veriaidpo/trust"
SERVING = "serving.kserve.io"


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


def trial(model: Model, service: Json, fetched_by: str | None) -> str:
    """Return the hash of all that decides how a revision fares: pod, bytes and wish, not how many."""
    alike = {k: v for k, v in service["spec"]["predictor"].items() if k not in {"minReplicas", "maxReplicas"}}
    return digest([alike, fetched_by, model.spec.pinned_revision])[:16]


def inference_service(model: Model, settings: Settings, *, revision: str, claim: str) -> Json:
    """Build the InferenceService that serves one revision from one claim."""
    serving = model.spec.serving
    most = max(serving.min_replicas, serving.max_replicas or 0)
    return {
        "apiVersion": f"{SERVING}/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": model.name,
            "namespace": model.namespace,
            "labels": labels(model)
            | {
                "app.kubernetes.io/component": "predictor",
                "networking.kserve.io/visibility": "cluster-local",
            },
            "annotations": {
                f"{SERVING}/deploymentMode": "Standard",
                f"{SERVING}/autoscalerClass": "hpa" if most > serving.min_replicas else "none",
            },
            "ownerReferences": [owner(model)],
        },
        "spec": {
            "predictor": pod(settings)
            | {
                "minReplicas": serving.min_replicas,
                "maxReplicas": most,
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
                },
                "terminationGracePeriodSeconds": 45,
                "containers": [_predictor(model, settings, revision)],
                "volumes": [
                    models_volume(claim),
                    tmp_volume(),
                    {
                        "name": "trust",
                        "configMap": {
                            "name": settings.service_trust_configmap,
                            "items": [{"key": "tls.crt", "path": "tls.crt"}],
                        },
                    },
                ],
            }
        },
    }


def _written_again(model: Model, revision: str) -> list[Json]:
    """Return what makes pods of a revision that was fetched anew differ from those that saw it damaged."""
    known = model.status.revision_of(revision)
    return [{"name": "REVISION_REPAIRS", "value": str(known.repairs)}] if known and known.repairs else []


def _traces(settings: Settings) -> list[Json]:
    if not settings.traces_endpoint:
        return []
    return [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": settings.traces_endpoint},
        {"name": "OTEL_TRACES_SAMPLER_ARG", "value": settings.traces_ratio},
    ]


def _predictor(model: Model, settings: Settings, revision: str) -> Json:
    deadline = model.spec.serving.progress_deadline_seconds
    return {
        "name": "kserve-container",
        "image": image(model, settings, revision),
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["serve", revision_path(model, revision), "--port", str(SERVE_PORT)],
        "env": [
            {"name": "SERVICE_TRUST_FILE", "value": f"{TRUST_DIR}/tls.crt"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the pod's own)
            *_traces(settings),
            *_written_again(model, revision),
        ],
        "ports": [{"name": "http1", "containerPort": SERVE_PORT, "protocol": "TCP"}],
        "resources": resources(
            model.spec.serving.resources,
            {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        ),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # Loading a model on a busy node may take minutes; only after it liveness counts.
        "startupProbe": _probe(ready_path(model), period=2, failures=max(300, deadline // 2)),
        "readinessProbe": _probe(ready_path(model), period=5, failures=3),
        "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
        # Endpoints take a moment to forget a pod: it goes on answering meanwhile, so no request is lost.
        "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
        "volumeMounts": [
            {"name": "models", "mountPath": ROOT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "trust", "mountPath": TRUST_DIR, "readOnly": True},
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> Json:
    return {
        "httpGet": {"path": path, "port": SERVE_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }
