"""The Job that brings a revision onto the claim. Pure: same input, same Job."""

from collections.abc import Iterable

from veriaidpo_operator.api import FETCH_AGAIN, GROUP, Json, Model
from veriaidpo_operator.objects.claims import claim_name, digest, labels, owner
from veriaidpo_operator.objects.orders import KEY, computes, fetch_spec
from veriaidpo_operator.objects.pod_parts import (
    ROOT,
    container_security,
    models_volume,
    pod,
    resources,
    tmp_volume,
)
from veriaidpo_operator.objects.source_parts import Parts, parts
from veriaidpo_operator.reasons import EXIT_CODES, Reason
from veriaidpo_operator.settings import Settings

FETCH_PORT = 8081
ORDER_DIR = "/etc/veriaidpo/fetch"
TEMPLATE_HASH = f"{GROUP}/template"
ATTEMPT = f"{GROUP}/attempt"

# Exit codes of a fetch that another try of the same Job cannot mend: the Job ends at once and the operator
# decides. A source that is away may be back a moment later, and the next pod goes on where this one stopped.
FINAL_EXIT_CODES = [code for code, reason in EXIT_CODES.items() if reason is not Reason.SOURCE_UNREACHABLE]


def fetch_name(model: Model, claim_uid: str) -> str:
    """Return the fetch Job's name.

    Its hash covers what the result depends on. The claim's UID is part of it: a claim that was lost and made
    again is empty, so what an earlier Job of this Model fetched is not on it. So is the number of revisions
    that were damaged on the volume: after each the bytes are fetched anew.
    """
    again, repairs = model.annotations.get(FETCH_AGAIN, ""), model.status.repairs
    return f"{model.name}-fetch-{digest([fetch_spec(model), claim_uid, again, repairs])[:8]}"


def protected(model: Model) -> frozenset[str]:
    """Return the revisions that stay on the volume however few are kept: what answers, shall or may again."""
    status, pinned = model.status, model.spec.pinned_revision
    kept = {
        status.current_revision,
        status.previous_revision,
        status.target_revision,
        status.fetched_revision,
    }
    kept |= {r.digest for r in status.revisions if pinned and r.digest.startswith(pinned)}
    return frozenset(one for one in kept if one is not None)


def fetch_command(model: Model, *, read_only: bool) -> list[str]:
    """Return the arguments of the fetch pod: what to do, and which revisions to leave on the volume.

    What failed its golden sentences and never served goes, so that a fetch brings it with the sentences of
    today.
    """
    status = model.status
    answers = {status.current_revision, status.previous_revision, status.target_revision}
    refused = {q.digest for q in status.quarantined if q.reason == Reason.GOLDEN_SENTENCE_FAILED} - answers
    command = ["fetch", "--spec", f"{ORDER_DIR}/{KEY}", "--root", ROOT, "--progress-port", str(FETCH_PORT)]
    if read_only:
        return [*command, "--read-only"]
    command += keeping(model, protected(model) - refused)
    for one in sorted(refused):
        command += ["--drop", one]
    return command


def keeping(model: Model, protected: Iterable[str]) -> list[str]:
    """Return the arguments that tell which revisions to leave on the volume."""
    told = ["--keep", str(model.spec.revision_history_limit)]
    for one in sorted(protected):
        told += ["--protect", one]
    return told


def fetch_job(model: Model, settings: Settings, *, name: str, attempt: int, read_only: bool = False) -> Json:
    """Build the Job that puts the wanted revision on the claim, or finds it on one that is read-only."""
    template = _fetch_pod(model, settings, name, read_only=read_only)
    # Not in the template's hash: what is kept changes with each rollout, and no fetch starts over for it.
    template["containers"][0]["args"] = fetch_command(model, read_only=read_only)
    annotations = {
        TEMPLATE_HASH: fetch_template(model, settings, read_only=read_only),
        ATTEMPT: str(attempt),
    }
    return _job(model, name, annotations, template)


def collect_job(model: Model, settings: Settings, *, name: str) -> Json:
    """Build the Job that takes old revisions of a Model off its claim."""
    template = _volume_pod(model, settings, Parts(), read_only=False)
    command = ["gc", f"{ROOT}/models/{model.name}", *keeping(model, protected(model))]
    template["containers"][0]["args"] = command
    return _job(model, name, {}, template)


def _job(model: Model, name: str, annotations: Json, template: Json) -> Json:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": model.namespace,
            "labels": labels(model),
            "annotations": annotations,
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
                            "values": FINAL_EXIT_CODES,
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
                "spec": template,
            },
        },
    }


def fetch_template(model: Model, settings: Settings, *, read_only: bool = False) -> str:
    """Return the hash of everything about the Job that its name does not cover (image, limits, token …)."""
    download = model.spec.download
    return digest(
        [
            _fetch_pod(model, settings, "", read_only=read_only),
            download.backoff_limit,
            download.active_deadline_seconds,
        ]
    )[:16]


def _fetch_pod(model: Model, settings: Settings, name: str, *, read_only: bool) -> Json:
    source = parts(model, settings)
    source.mount("order", ORDER_DIR, {"configMap": {"name": name}})
    return _volume_pod(model, settings, source, read_only=read_only)


def _volume_pod(model: Model, settings: Settings, source: Parts, *, read_only: bool) -> Json:
    """Build a pod of the fetch image that sees the claim, and what its source asks for besides."""
    env: list[Json] = [{"name": "HOME", "value": "/tmp"}, *source.env]  # noqa: S108 (the pod's own)
    mounts: list[Json] = [
        {"name": "models", "mountPath": ROOT, "readOnly": read_only},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
        *source.mounts,
    ]
    volumes: list[Json] = [
        models_volume(claim_name(model), read_only=read_only),
        tmp_volume(),
        *source.volumes,
    ]
    return pod(settings) | {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "containers": [
            {
                "name": "fetch",
                "image": settings.fetch_image,
                "imagePullPolicy": settings.image_pull_policy,
                "env": env,
                "ports": [{"name": "progress", "containerPort": FETCH_PORT, "protocol": "TCP"}],
                "resources": resources(
                    model.spec.download.resources,
                    {
                        "requests": {"cpu": "50m", "memory": "128Mi"},
                        "limits": {"memory": "1Gi" if not computes(model) else "2560Mi"},
                    },
                ),
                "securityContext": container_security(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
