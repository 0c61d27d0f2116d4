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
_OF_A_FETCH = ("nodeSelector", "tolerations", "affinity")
_BY_THE_SERVER = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)


def items(given: Json) -> list[Json]:
    """Return what is in a List, or the one object."""
    return list(given["items"]) if given["kind"].endswith("List") else [given]


def a_list(of: Iterable[Json]) -> Json:
    """Return a List of them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(of)}


def is_helms(item: Json) -> bool:
    """Whether a release of Helm brings it."""
    return bool(item["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "Helm")


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
    return a_list(clean(item) for item in items(given))


def by_hand(given: Json) -> Json:
    """Return those that no release of Helm brings back by itself; see `held` for what is left out of them."""
    found = [clean(item) for item in items(given) if not is_helms(item)]
    for item in found:
        if item["metadata"]["name"] in _waiting(given):
            del item["spec"]["suspend"]
    return a_list(found)


def held(given: Json) -> Json:
    """Return what somebody pinned or suspended.

    `at once`: by name, what of spec a release brings its Models back without. `when servable`: names of
    those that answered although they are suspended, which nothing would serve again while they are.
    """
    waiting = _waiting(given)
    chosen: dict[str, Json] = {}
    for item in items(given):
        name, spec = item["metadata"]["name"], item["spec"]
        keys = ["pinnedRevision"] if name in waiting else ["pinnedRevision", "suspend"]
        chosen[name] = {key: spec[key] for key in keys if spec.get(key) and is_helms(item)}
    return {"at once": {name: spec for name, spec in chosen.items() if spec}, "when servable": waiting}


def _waiting(given: Json) -> list[str]:
    return [i["metadata"]["name"] for i in items(given) if i["spec"].get("suspend") and _is_servable(i)]


def _is_servable(model: Json) -> bool:
    conditions = model.get("status", {}).get("conditions", [])
    return any(one["type"] == "Servable" and one["status"] == "True" for one in conditions)


def claims(given: Json) -> Json:
    """Return claims that a volume may be found for anew."""
    found = [clean(item) for item in items(given)]
    for item in found:
        item["spec"].pop("volumeName", None)
    return a_list(found)


def mounted(pods: Json) -> Iterator[tuple[str, str]]:
    """Give each claim with one ready pod that has it mounted."""
    seen: set[str] = set()
    for pod in items(pods):
        conditions = pod.get("status", {}).get("conditions", [])
        if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            continue
        for volume in pod["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in seen:
                seen.add(claim)
                yield claim, pod["metadata"]["name"]


def fetching(operator: Json) -> Json:
    """Return what the operator fetches with: the image, the Secrets it is pulled by, and where it may run.

    `scheduling`: the parts of a pod's spec that a fetch has of the operator's SCHEDULING.
    """
    pod = operator["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    scheduling = json.loads(told.get("SCHEDULING") or "{}")
    return {
        "image": told["FETCH_IMAGE"],
        "pullSecrets": pod.get("imagePullSecrets", []),
        "scheduling": {part: scheduling[part] for part in _OF_A_FETCH if part in scheduling},
    }


def databases(gateway: Json) -> Iterator[tuple[str, str]]:
    """Give each Secret that names a database of the gateways, with what they keep in that one."""
    for deployment in items(gateway):
        pod = deployment["spec"]["template"]["spec"]
        named = {one["name"]: one.get("secret", {}).get("secretName") for one in pod.get("volumes", [])}
        recording = any(one["name"] == "RECORDS" for one in pod["containers"][0].get("env", []))
        apart = "record-database" in named
        if "database" in named:
            yield named["database"], "companies and records" if recording and not apart else "companies"
        if apart:
            yield named["record-database"], "records"


_KEPT: Mapping[str, Callable[[Json], Json]] = {
    "objects": objects,
    "by-hand": by_hand,
    "held": held,
    "claims": claims,
    "fetching": fetching,
}

_PAIRS: Mapping[str, Callable[[Json], Iterator[tuple[str, str]]]] = {
    "mounted": mounted,
    "databases": databases,
}


def main(arguments: Sequence[str]) -> None:
    """Print what is asked for."""
    (what,) = arguments
    given = json.load(sys.stdin)
    if what in _PAIRS:
        for pair in _PAIRS[what](given):
            print(*pair)
    else:
        print(json.dumps(_KEPT[what](given), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
