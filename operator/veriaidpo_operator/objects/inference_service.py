"""The InferenceService of a predictor, whatever it serves. Pure: same input, same object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects.pod_parts import ROOT, container_security, models_volume, pod, tmp_volume
from veriaidpo_operator.settings import Settings

SERVE_PORT = 8080
TRUST_DIR = "/etc/veriaidpo/trust"
SERVING = "serving.kserve.io"


@dataclass(frozen=True, slots=True)
class Scale:
    """How many pods there are at least, and at most, and whether somebody else says how many."""

    least: int
    most: int
    external: bool = False

    @property
    def autoscaler(self) -> str:
        """Give KServe's word for it; with `none` it sets the number of pods back to the least."""
        if self.external:
            return "external"
        return "hpa" if self.most > self.least else "none"


def inference_service(
    settings: Settings,
    *,
    metadata: Json,
    scale: Scale,
    container: Json,
    claim: str,
    volumes: Sequence[Json] = (),
) -> Json:
    """Build the InferenceService of a predictor that reads one claim."""
    return {
        "apiVersion": f"{SERVING}/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata
        | {
            "labels": metadata["labels"]
            | {
                "app.kubernetes.io/component": "predictor",
                "networking.kserve.io/visibility": "cluster-local",
            },
            "annotations": {
                f"{SERVING}/deploymentMode": "Standard",
                f"{SERVING}/autoscalerClass": scale.autoscaler,
            },
        },
        "spec": {
            "predictor": pod(settings)
            | {
                "minReplicas": scale.least,
                "maxReplicas": scale.most,
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
                },
                "terminationGracePeriodSeconds": 45,
                "priorityClassName": settings.scheduling.priority_class_name,
                "topologySpreadConstraints": _spread(settings, metadata["name"]),
                "containers": [container],
                "volumes": [
                    models_volume(claim, read_only=True),
                    tmp_volume(),
                    {
                        "name": "trust",
                        "configMap": {
                            "name": settings.service_trust_configmap,
                            "items": [{"key": "tls.crt", "path": "tls.crt"}],
                        },
                    },
                    *volumes,
                ],
            }
        },
    }


def container(
    settings: Settings,
    *,
    image: str,
    args: Sequence[str],
    env: Sequence[Json] = (),
    resources: Json,
    ready: str,
    patience: int,
    mounts: Sequence[Json] = (),
) -> Json:
    """Build the container of a predictor.

    ready: path of the probe that tells whether it may be asked; patience: seconds that it may take to start.
    """
    return {
        "name": "kserve-container",
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": list(args),
        "env": [
            {"name": "SERVICE_TRUST_FILE", "value": f"{TRUST_DIR}/tls.crt"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the pod's own)
            *_traces(settings),
            *env,
        ],
        "ports": [{"name": "http1", "containerPort": SERVE_PORT, "protocol": "TCP"}],
        "resources": resources,
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # Loading a model on a busy node may take minutes; only after it liveness counts.
        "startupProbe": _probe(ready, period=2, failures=max(300, patience // 2)),
        "readinessProbe": _probe(ready, period=5, failures=3),
        "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
        # Endpoints take a moment to forget a pod: it goes on answering meanwhile, so no request is lost.
        "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
        "volumeMounts": [
            {"name": "models", "mountPath": ROOT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "trust", "mountPath": TRUST_DIR, "readOnly": True},
            *mounts,
        ],
    }


def _spread(settings: Settings, name: str) -> list[Json]:
    """Give how the pods of a predictor are spread; said of one that is alone too, so that more roll none."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": otherwise,
            # Counted within one version: pods of the one before go anyway.
            "matchLabelKeys": ["pod-template-hash"],
            "labelSelector": {"matchLabels": {f"{SERVING}/inferenceservice": name}},
        }
        for key, otherwise in settings.scheduling.spread.by_key().items()
    ]


def _traces(settings: Settings) -> list[Json]:
    if not settings.traces_endpoint:
        return []
    return [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": settings.traces_endpoint},
        {"name": "OTEL_TRACES_SAMPLER_ARG", "value": settings.traces_ratio},
    ]


def _probe(path: str, *, period: int, failures: int) -> Json:
    probe: dict[str, Any] = {"httpGet": {"path": path, "port": SERVE_PORT}}
    return probe | {"periodSeconds": period, "timeoutSeconds": 3, "failureThreshold": failures}
