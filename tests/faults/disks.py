"""A small disk of the node's memory as the volume behind an existing claim."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..e2e.cluster import NAMESPACE, kubectl, provider, run


@dataclass(frozen=True)
class Disk:
    """Where it is mounted on the node, and the claim that is bound to it."""

    path: str
    claim: str

    def on_node(self, *command: str) -> str:
        return provider("node", *command)

    def remount(self, options: str) -> None:
        """Change its size, or whether it may be written to."""
        self.on_node("mount", "-o", f"remount,{options}", self.path)

    def fill(self) -> None:
        """Leave no byte free."""
        self.on_node("sh", "-c", f"dd if=/dev/zero of={self.path}/filler bs=64k 2>/dev/null || sync")

    def free(self) -> None:
        """Take the filler away."""
        self.on_node("rm", f"{self.path}/filler")


@contextmanager
def disk(name: str, size: str) -> Iterator[Disk]:
    """Mount a disk of this size (`4m`), with a volume and a claim bound to it."""
    path = f"/mnt/veriaidpo-faults-{name}"
    provider("node", "mkdir", "-p", path)
    provider("node", "mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", path)
    meta = {"name": f"faults-{name}"}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": meta,
        "spec": {
            **spec,
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": NAMESPACE, **meta},
            "hostPath": {"path": path},
        },
    }
    resources = {"requests": {"storage": "1Gi"}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**meta, "namespace": NAMESPACE},
        "spec": {**spec, "resources": resources, "volumeName": meta["name"]},
    }
    run("kubectl", "apply", "-f", "-", stdin=json.dumps(volume))
    kubectl("apply", "-f", "-", stdin=json.dumps(claim))
    try:
        yield Disk(path, meta["name"])
    finally:
        kubectl("delete", "pvc", meta["name"], "--timeout=90s")
        run("kubectl", "delete", "pv", meta["name"], "--timeout=60s")
        provider("node", "umount", "-l", path)
        provider("node", "rmdir", path)
