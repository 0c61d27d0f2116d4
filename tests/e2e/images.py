"""How large the product's images are, unpacked, and how large they may be."""

import json

import yaml

from .cluster import CHART, kubectl

NAMES = ("gateway", "operator", "predictor", "fetch", "hub")
LIMITS = {"predictor": 600, "gateway": 250, "operator": 300}
"""10^6 bytes, unpacked."""


def unpacked_megabytes(name: str) -> int:
    """Return what a pod that does nothing finds under /, without mounts, in 10^6 bytes."""
    pod = f"size-{name}"
    kubectl("delete", "pod", pod, "--ignore-not-found", "--wait=true")
    kubectl("apply", "-f", "-", stdin=json.dumps(_pod(pod, name)))
    # A folder that root alone may read makes du exit 1 and costs no size worth naming.
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", f"pod/{pod}")
    size = int(kubectl("logs", pod).splitlines()[-1].split()[0]) / 1e6
    kubectl("delete", "pod", pod, "--wait=false")
    return round(size)


def _pod(pod: str, name: str) -> dict[str, object]:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    container = {
        "name": "size",
        "image": f"veriaidpo-{name}:{version}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["du", "-sxB1", "/"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
