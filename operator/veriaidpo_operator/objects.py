"""Builders of the objects a Model has: claim, fetch Job, InferenceService. Pure: same input, same object."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from veriaidpo_operator.api import (
    FETCH_AGAIN,
    GROUP,
    KIND,
    MANAGER,
    MODEL_LABEL,
    VERSION,
    Json,
    Model,
    Resources,
)
from veriaidpo_operator.quantity import number
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.settings import Settings

ROOT = "/mnt/models"
FETCH_PORT = 8081
SERVE_PORT = 8080
USER = 10001
TRUST_DIR = "/etc/veriaidpo/trust"
TOKEN_DIR = "/var/run/secrets/veriaidpo/hub"  # noqa: S105 (a folder)
TEMPLATE_HASH = f"{GROUP}/template"
ATTEMPT = f"{GROUP}/attempt"
SERVING = "serving.kserve.io"

# Exit codes of a fetch that another try of the same Job cannot mend: the Job ends at once and the operator
# decides.
FINAL_EXIT_CODES = (2, 11, 12, 14, 15, 16, 17, 18, 19)


def labels(model: Model) -> Json:
    """Return the labels every child carries; a Model that comes again finds its claim by them."""
    return {
        "app.kubernetes.io/managed-by": MANAGER,
        "app.kubernetes.io/part-of": "veriaidpo",
        MODEL_LABEL: model.name,
    }


def owner(model: Model) -> Json:
    """Return the ownerReference by which the garbage collector removes a child with its Model."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": model.name,
        "uid": model.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def claim_name(model: Model) -> str:
    """Return the name of the claim the Model wants."""
    return model.spec.storage.claim_name or f"{model.name}-model"


def claim(model: Model) -> Json:
    """Build the Model's own claim; it has an owner only when it shall go with the Model."""
    new = model.spec.storage.create
    size = str(new.size) if new else "2Gi"
    spec: Json = {
        "accessModes": list(new.access_modes) if new else ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if new and new.storage_class_name is not None:
        spec["storageClassName"] = new.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(model),
            "namespace": model.namespace,
            "labels": labels(model),
            "ownerReferences": [owner(model)] if model.spec.storage.reclaim_policy == "Delete" else [],
        },
        "spec": spec,
    }


def fetch_spec(model: Model) -> Json:
    """Return what the fetch is told, the JSON of FETCH_SPEC."""
    spec = model.spec
    conversion = spec.conversion
    asked: Json = {}
    if converts(model):
        asked = {
            "conversion": conversion.model_dump(by_alias=True, exclude={"gate_sentences"}),
            "gateSentences": list(conversion.gate_sentences),
        }
    return {
        "name": model.name,
        "modelType": spec.model_type,
        "language": spec.language,
        "task": spec.task,
        "labels": [label.model_dump(exclude_none=True) for label in spec.labels],
        "maxTokens": spec.max_tokens,
        "source": {
            "uri": spec.source.uri,
            "revision": spec.source.revision,
            "files": [known.model_dump() for known in spec.source.files],
        },
        "goldenSentences": [golden.model_dump(exclude_none=True) for golden in spec.serving.golden_sentences],
        **asked,
    }


def digest(value: object) -> str:
    """Return the SHA-256 of canonical JSON, 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fetch_name(model: Model, claim_uid: str) -> str:
    """Return the fetch Job's name.

    Its hash covers what the result depends on. The claim's UID is part of it: a claim that was lost and made
    again is empty, so what an earlier Job of this Model fetched is not on it. So is the number of revisions
    that were damaged on the volume: after each the bytes are fetched anew.
    """
    again, repairs = model.annotations.get(FETCH_AGAIN, ""), model.status.repairs
    return f"{model.name}-fetch-{digest([fetch_spec(model), claim_uid, again, repairs])[:8]}"


def fetch_command(model: Model) -> list[str]:
    """Return the arguments of the fetch pod: what to do, and which revisions to leave on the volume.

    Kept besides the newest ones is everything that serves, shall serve or may be gone back to. What failed
    its golden sentences and never served goes, so that a fetch brings it with the sentences of today.
    """
    status = model.status
    kept = {
        status.current_revision,
        status.previous_revision,
        status.target_revision,
        status.fetched_revision,
    }
    pinned = model.spec.pinned_revision
    kept |= {r.digest for r in status.revisions if pinned and r.digest.startswith(pinned)}
    answers = {status.current_revision, status.previous_revision, status.target_revision}
    refused = {q.digest for q in status.quarantined if q.reason == Reason.GOLDEN_SENTENCE_FAILED} - answers
    command = ["fetch", "--root", ROOT, "--progress-port", str(FETCH_PORT)]
    command += ["--keep", str(model.spec.revision_history_limit)]
    for one in sorted(kept - refused - {None}, key=str):
        command += ["--protect", str(one)]
    for one in sorted(refused):
        command += ["--drop", one]
    return command


def fetch_job(model: Model, settings: Settings, *, name: str, attempt: int) -> Json:
    """Build the Job that puts the wanted revision on the claim."""
    pod = _fetch_pod(model, settings)
    # Not in the template's hash: what is kept changes with each rollout, and no fetch starts over for it.
    pod["containers"][0]["args"] = fetch_command(model)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": model.namespace,
            "labels": labels(model),
            "annotations": {TEMPLATE_HASH: fetch_template(model, settings), ATTEMPT: str(attempt)},
            "ownerReferences": [owner(model)],
        },
        "spec": {
            "backoffLimit": model.spec.download.backoff_limit,
            "activeDeadlineSeconds": model.spec.download.active_deadline_seconds,
            "completions": 1,
            "parallelism": 1,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": "fetch",
                            "operator": "In",
                            "values": list(FINAL_EXIT_CODES),
                        },
                    },
                ]
            },
            "template": {
                "metadata": {
                    "labels": labels(model) | {"app.kubernetes.io/component": "fetch"},
                    # A pod evicted in the middle of a download only starts again where it stopped.
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
                },
                "spec": pod,
            },
        },
    }


def fetch_template(model: Model, settings: Settings) -> str:
    """Return the hash of everything about the Job that its name does not cover (image, limits, token …)."""
    download = model.spec.download
    return digest([_fetch_pod(model, settings), download.backoff_limit, download.active_deadline_seconds])[
        :16
    ]


def _fetch_pod(model: Model, settings: Settings) -> Json:
    env = [
        {
            "name": "FETCH_SPEC",
            "value": json.dumps(fetch_spec(model), ensure_ascii=False, separators=(",", ":")),
        },
        {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the pod's own)
    ]
    if settings.hf_endpoint:
        env.append({"name": "HF_ENDPOINT", "value": settings.hf_endpoint})
    mounts: list[Json] = [{"name": "models", "mountPath": ROOT}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    volumes: list[Json] = [_models_volume(claim_name(model)), _tmp_volume()]
    token = _token(model, settings)
    if token is not None:
        secret, key = token
        env.append({"name": "HUGGINGFACE_TOKEN_FILE", "value": f"{TOKEN_DIR}/token"})
        mounts.append({"name": "hub-token", "mountPath": TOKEN_DIR, "readOnly": True})
        volumes.append(
            {"name": "hub-token", "secret": {"secretName": secret, "items": [{"key": key, "path": "token"}]}}
        )
    return _pod(settings) | {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "containers": [
            {
                "name": "fetch",
                "image": settings.fetch_image,
                "imagePullPolicy": settings.image_pull_policy,
                "env": env,
                "ports": [{"name": "progress", "containerPort": FETCH_PORT, "protocol": "TCP"}],
                "resources": _resources(
                    model.spec.download.resources,
                    {
                        "requests": {"cpu": "50m", "memory": "128Mi"},
                        "limits": {"memory": "1Gi" if not converts(model) else "2560Mi"},
                    },
                ),
                "securityContext": _container_security(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def converts(model: Model) -> bool:
    """Tell whether the fetch shall turn the weights into another form."""
    return model.spec.conversion.quantization != "none"


def _token(model: Model, settings: Settings) -> tuple[str, str] | None:
    named = model.spec.source.auth_secret
    if named is not None:
        return named.name, named.key
    if settings.hub_token_secret:
        return settings.hub_token_secret, settings.hub_token_key
    return None


def revision_path(model: Model, revision: str) -> str:
    """Return the folder of a revision, as the pods see it."""
    return f"{ROOT}/models/{model.name}/revisions/{revision}"


def ready_path(model: Model) -> str:
    """Return the path of the probe that tells whether, and why not, a predictor answers."""
    return f"/v2/models/{model.name}/ready"


def trial(model: Model, service: Json, fetched_by: str | None) -> str:
    """Return the hash of all that decides how a revision fares: pod, bytes and wish, not how many."""
    pod = {k: v for k, v in service["spec"]["predictor"].items() if k not in {"minReplicas", "maxReplicas"}}
    return digest([pod, fetched_by, model.spec.pinned_revision])[:16]


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
            "predictor": _pod(settings)
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
                    _models_volume(claim),
                    _tmp_volume(),
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


def _predictor(model: Model, settings: Settings, revision: str) -> Json:
    deadline = model.spec.serving.progress_deadline_seconds
    return {
        "name": "kserve-container",
        "image": settings.predictor_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["serve", revision_path(model, revision), "--port", str(SERVE_PORT)],
        "env": [
            {"name": "SERVICE_TRUST_FILE", "value": f"{TRUST_DIR}/tls.crt"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the pod's own)
            *_written_again(model, revision),
        ],
        "ports": [{"name": "http1", "containerPort": SERVE_PORT, "protocol": "TCP"}],
        "resources": _resources(
            model.spec.serving.resources,
            {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        ),
        "securityContext": _container_security(),
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


def _pod(settings: Settings) -> Json:
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
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }


def _container_security() -> Json:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }


def _models_volume(claim: str) -> Json:
    return {"name": "models", "persistentVolumeClaim": {"claimName": claim}}


def _tmp_volume() -> Json:
    return {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}


def _resources(wanted: Resources, defaults: Mapping[str, Mapping[str, Any]]) -> Json:
    """Lay the Model's quantities over the defaults; a default gives way where it would contradict them."""
    limits = {**defaults["limits"], **wanted.limits}
    requests = {**defaults["requests"], **wanted.requests}
    for name in requests.keys() & limits.keys():
        if number(requests[name]) > number(limits[name]):
            if name in wanted.requests:
                limits[name] = requests[name]
            else:
                requests[name] = limits[name]
    return {"requests": requests, "limits": limits}
