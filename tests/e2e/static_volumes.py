"""Folders of the node as volumes of chosen access modes, each with a claim that is bound to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from .cluster import NAMESPACE, kubectl, provider, run


@contextmanager
def folder(path: str) -> Iterator[None]:
    """Make a folder on the node that anybody may write to, and remove it with all in it."""
    provider("node", "mkdir", "-p", path)
    provider("node", "chmod", "0777", path)
    try:
        yield
    finally:
        provider("node", "rm", "-rf", path)


@contextmanager
def claim(name: str, path: str, mode: str) -> Iterator[str]:
    """Bind a claim to a volume on a folder of the node, both of one access mode; give its name."""
    spec = {"accessModes": [mode], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            **spec,
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": NAMESPACE, "name": name},
            "hostPath": {"path": path},
        },
    }
    resources = {"requests": {"storage": "1Gi"}}
    claimed = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {**spec, "resources": resources, "volumeName": name},
    }
    run("kubectl", "apply", "-f", "-", stdin=json.dumps(volume))
    kubectl("apply", "-f", "-", stdin=json.dumps(claimed))
    try:
        yield name
    finally:
        kubectl("delete", "pvc", name, "--timeout=90s")
        run("kubectl", "delete", "pv", name, "--timeout=60s")
