"""Bytes on a Model's volume, looked at and falsified from a pod of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..e2e.cluster import get, kubectl

_FLIP = """
import pathlib, sys
path, at = pathlib.Path(sys.argv[1]), int(sys.argv[2])
mode = path.stat().st_mode
path.chmod(0o644)
with path.open("r+b") as file:
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ 1]))
path.chmod(mode)
"""


@dataclass(frozen=True)
class Shell:
    """A pod that has a claim under /mnt/models."""

    pod: str

    def run(self, *command: str) -> str:
        """Run a command in it."""
        return kubectl("exec", self.pod, "--", *command)

    def find(self, pattern: str) -> list[str]:
        """Return the files whose whole path matches."""
        return self.run("find", "/mnt/models", "-type", "f", "-path", pattern).split()

    def behind(self, path: str, word: str) -> int:
        """Return where the value of a word begins in a file of JSON."""
        look = (
            "import pathlib, sys; print(pathlib.Path(sys.argv[1]).read_bytes().index(sys.argv[2].encode()))"
        )
        return int(self.run("python", "-c", look, path, word)) + len(word) + 6

    def flip(self, path: str, at: int) -> None:
        """Change one bit of a file, whatever its mode is."""
        self.run("python", "-c", _FLIP, path, str(at))


@contextmanager
def shell(claim: str) -> Iterator[Shell]:
    """Run a pod with a claim; it has Python, since it is the hub's image."""
    image = get("deployment", "veriaidpo-hub")["spec"]["template"]["spec"]["containers"][0]["image"]
    name = f"look-{claim}"
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "look",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "3600"],
        "securityContext": restricted,
        "volumeMounts": [{"name": "models", "mountPath": "/mnt/models"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": claim}}],
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    try:
        kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
        yield Shell(name)
    finally:
        kubectl("delete", "pod", name, "--grace-period=0", "--force", "--ignore-not-found")
