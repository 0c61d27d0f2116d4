"""What of a cluster's objects is worth keeping: standard input is what `kubectl get --output json` says."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_OF_THE_SERVER = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
        "ownerReferences",
        "finalizers",
    }
)
_BY_THE_SERVER = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
_USER = 10001


def _items(given: Json) -> list[Json]:
    return list(given["items"]) if given["kind"].endswith("List") else [given]


def clean(item: Json) -> Json:
    """Return an object as it may be applied elsewhere: without what a server and its controllers added."""
    metadata = {
        key: value for key, value in item["metadata"].items() if key not in _OF_THE_SERVER | {"namespace"}
    }
    annotations = metadata.pop("annotations", {})
    wanted = {key: value for key, value in annotations.items() if not key.startswith(_BY_THE_SERVER)}
    rest = {key: value for key, value in item.items() if key not in {"metadata", "status"}}
    return {**rest, "metadata": metadata | ({"annotations": wanted} if wanted else {})}


def objects(given: Json) -> Json:
    """Return a List of them all."""
    return _list(clean(item) for item in _items(given))


def by_hand(given: Json) -> Json:
    """Return those that no release of Helm brings back by itself."""
    theirs = (
        i
        for i in _items(given)
        if i["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") != "Helm"
    )
    return _list(clean(item) for item in theirs)


def claims(given: Json) -> Json:
    """Return claims that a volume may be found for anew."""
    found = [clean(item) for item in _items(given)]
    for item in found:
        item["spec"].pop("volumeName", None)
    return _list(found)


def _list(items: Iterable[Json]) -> Json:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def mounted(pods: Json) -> Iterator[tuple[str, str]]:
    """Give each claim with one ready pod that has it mounted."""
    seen: set[str] = set()
    for pod in _items(pods):
        conditions = pod.get("status", {}).get("conditions", [])
        if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            continue
        for volume in pod["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in seen:
                seen.add(claim)
                yield claim, pod["metadata"]["name"]


def fetch_image(operator: Json) -> str:
    """Return the image that the operator fetches with."""
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    return str(next(one["value"] for one in container["env"] if one["name"] == "FETCH_IMAGE"))


def claim(given: Json, name: str) -> Json:
    """Return the one of that name; StopIteration where there is none."""
    return next(item for item in _items(given) if item["metadata"]["name"] == name)


def filler(name: str, image: str) -> Json:
    """Return a pod that has a claim mounted and waits for its bytes; it meets Pod Security restricted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"fill-{name}"},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 3600,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "fill",
                    "image": image,
                    "command": ["python", "-c", "import time; time.sleep(3600)"],
                    "resources": {
                        "requests": {"cpu": "20m", "memory": "64Mi"},
                        "limits": {"memory": "256Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "models", "mountPath": "/mnt/models"}],
                }
            ],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": name}}],
        },
    }


_OF_LISTS: Mapping[str, Callable[[Json], Json]] = {"objects": objects, "by-hand": by_hand, "claims": claims}


def main(arguments: Sequence[str]) -> None:
    """Print what is asked for."""
    what, *more = arguments
    if what == "filler":
        print(json.dumps(filler(*more)))
        return
    given = json.load(sys.stdin)
    if what == "mounted":
        for pair in mounted(given):
            print(*pair)
    elif what == "fetch-image":
        print(fetch_image(given))
    else:
        print(json.dumps(claim(given, *more) if what == "claim" else _OF_LISTS[what](given), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
