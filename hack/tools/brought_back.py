"""What hack/restore makes of a backup's folder, for a namespace: objects as JSON, or lines for the shell.

brought_back.py FOLDER objects NAMESPACE      the Secrets
brought_back.py FOLDER claim NAME NAMESPACE   the claim; nothing where somebody else had made it
brought_back.py FOLDER filler NAME            a pod that has a claim mounted and waits for its bytes
brought_back.py FOLDER at-once                the name of a Model and a patch of it, a line each
brought_back.py FOLDER when-servable          the names of Models that are suspended when they answer
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kept import Json, a_list, is_helms, items

_USER = 10001


def moved(item: Json, namespace: str) -> Json:
    """Return an object so that Helm takes it for its own in that namespace, whichever it was in before.

    Its other labels are left to Helm: whoever wrote another value would be in its way.
    """
    if not is_helms(item):
        return item
    annotations = {**item["metadata"].get("annotations", {}), "meta.helm.sh/release-namespace": namespace}
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    return {**item, "metadata": {**item["metadata"], "labels": labels, "annotations": annotations}}


def claim(given: Json, name: str, namespace: str) -> Json | None:
    """Return the one of that name; None where the backup has none, since somebody else had made it."""
    found = (moved(item, namespace) for item in items(given) if item["metadata"]["name"] == name)
    return next(found, None)


def patches(specs: Json) -> Iterator[tuple[str, str]]:
    """Give each Model of which something is held, with the merge patch that holds it again."""
    for name, spec in specs.items():
        yield name, json.dumps({"spec": spec}, separators=(",", ":"))


def filler(name: str, fetching: Json) -> Json:
    """Return a pod that has a claim mounted and waits for its bytes; it meets Pod Security restricted.

    It runs where fetches may: a volume that is made for its first pod is made beside that one.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"fill-{name}", "labels": {"app.kubernetes.io/component": "restore"}},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 3600,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "imagePullSecrets": fetching["pullSecrets"],
            **fetching.get("scheduling", {}),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_waiting(fetching["image"])],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": name}}],
        },
    }


def _waiting(image: str) -> Json:
    return {
        "name": "fill",
        "image": image,
        "command": ["python", "-c", "import time; time.sleep(3600)"],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "models", "mountPath": "/mnt/models"}],
    }


def main(folder: Path, arguments: Sequence[str]) -> None:
    """Print what is asked for."""

    def read(name: str) -> Any:
        return json.loads((folder / name).read_text())

    match arguments:
        case ["objects", namespace]:
            print(json.dumps(a_list(moved(item, namespace) for item in items(read("secrets.json")))))
        case ["claim", name, namespace]:
            found = claim(read("claims.json"), name, namespace)
            print("" if found is None else json.dumps(found))
        case ["filler", name]:
            print(json.dumps(filler(name, read("fetching.json"))))
        case ["at-once"]:
            for pair in patches(read("held.json")["at once"]):
                print(*pair)
        case ["when-servable"]:
            print(*read("held.json")["when servable"], sep="\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
