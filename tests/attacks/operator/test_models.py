"""K7: somebody who may make Models asks by them for what only whoever installs the operator may decide."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from veriaidpo_operator.api import Json, Model, understood
from veriaidpo_operator.objects import claims, jobs, orders, serving

from ...operator.world import DIGEST, SETTINGS, SPEC, World, merged
from ..conftest import Attack

TRIED = 10_000
MARK = "evil"
"""What is in every value that an attacker chose for a name that Models do not have."""

WANTED: Json = {
    "image": f"{MARK}:1",
    "command": ["sh", "-c", MARK],
    "args": [MARK],
    "env": [{"name": "LD_PRELOAD", "value": f"/{MARK}.so"}],
    "volumes": [{"name": MARK, "hostPath": {"path": f"/{MARK}"}}],
    "volumeMounts": [{"name": MARK, "mountPath": f"/{MARK}"}],
    "initContainers": [{"name": MARK, "image": MARK}],
    "serviceAccountName": MARK,
    "automountServiceAccountToken": True,
    "namespace": MARK,
    "nodeName": MARK,
    "hostNetwork": True,
    "securityContext": {"privileged": True, "runAsUser": 0},
    "template": {"spec": {"serviceAccountName": MARK}},
    "predictor": {"model": {"storageUri": f"file:///{MARK}"}},
    "ownerReferences": [{"kind": MARK, "name": MARK, "uid": MARK}],
}
"""What a Model shall not decide, by the names that Kubernetes and KServe have for it."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 2**63, 1.5, "1e999999999999999999", "", "../..", "/etc/passwd", "--root=/", "$(HOME)",
    "a\x00b", "x" * 5_000, [], {}, [None], {"a": {"b": []}}, "hf://a/b --root /", "pvc://claim/../../etc",
    "kube-system/x",
)  # fmt: skip
WHOLE: Json = merged(
    SPEC,
    {
        "aliases": ["another"],
        "storage": {"create": {"size": "1Gi", "accessModes": ["ReadWriteOnce"]}, "reclaimPolicy": "Retain"},
        "download": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": 60,
            "resources": {"limits": {"memory": "1Gi"}},
        },
        "conversion": {"quantization": "int8", "gateSentences": ["Một câu."]},
        "serving": {"minReplicas": 1, "maxReplicas": 2, "resources": {"requests": {"cpu": "1"}}},
        "source": {"revision": "main", "authSecret": {"name": "token", "key": "token"}},
    },
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place of a spec, as what holds it and its key or number there."""
    below = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in below:
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def hostile(chance: random.Random) -> Json:
    """Make a spec of which some places say something else, or something that Models do not have."""
    spec = copy.deepcopy(WHOLE)
    for _ in range(chance.randint(1, 4)):
        holder, key = chance.choice(list(places(spec)))
        name = chance.choice(list(WANTED))
        if chance.random() < 0.5 and isinstance(holder, dict):
            holder[name] = copy.deepcopy(WANTED[name])
        else:
            holder[key] = copy.deepcopy(chance.choice((*VALUES, WANTED, WANTED[name])))
    return spec


def made(model: Model) -> list[Json]:
    """Build all that the operator makes for a Model."""
    return [
        jobs.fetch_job(model, SETTINGS, name="x", attempt=1),
        jobs.collect_job(model, SETTINGS, name="y"),
        serving.own_service(model, SETTINGS, revision=DIGEST, claim="claim"),
        claims.claim(model) if model.spec.storage.claim_name is None else orders.config_map(model, "x"),
    ]


def pods(objects: list[Json]) -> list[Json]:
    """Give what of them runs."""
    return [
        *(one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Job"),
        *(one["spec"]["predictor"] for one in objects if one["kind"] == "InferenceService"),
    ]


def decided(pod: Json) -> Json:
    """Leave of a pod what a Model may not decide: not its quantities and times, nor which Secret it reads."""
    (container,) = pod["containers"]
    kept = {
        key: value
        for key, value in container.items()
        if key not in {"resources", "args", "env", "startupProbe"}
    }
    rest = {
        key: value for key, value in pod.items() if key not in {"minReplicas", "maxReplicas", "containers"}
    }
    return {
        **rest,
        "container": {**kept, "volumeMounts": sorted(one["mountPath"] for one in container["volumeMounts"])},
        "env": sorted(one["name"] for one in container.get("env", ())),
        "does": container["args"][0],
        "volumes": sorted((one["name"], *(set(one) - {"name"})) for one in pod["volumes"]),
    }


def namespaces(objects: list[Json]) -> set[str]:
    return {one["metadata"]["namespace"] for one in objects}


def usual() -> Iterator[Json]:
    """Give pods of Models that ask for nothing odd, from each kind of source with and without a Secret."""
    for uri in ("hf://owner/principles-vi", "https://host/list", "pvc://claim/folder"):
        for secret in ({"name": "token"}, None):
            source = {"uri": uri, "authSecret": secret}
            yield from map(decided, pods(made(World({**WHOLE, "source": source}).model)))


def test_a_model_decides_nothing_of_how_its_pods_run(attack: Attack) -> None:
    chance = random.Random(7)
    known = list(usual())
    taken_at_its_word = read = 0
    with attack(
        "K7", "Models that ask for another image, command, volume, account, node or namespace"
    ) as row:
        for _ in range(TRIED):
            body = World().body
            body["spec"] = hostile(chance)
            row.tried += 1
            taken_at_its_word += MARK in str(body["spec"])
            model = understood(body)  # whatever else it raises ends the test
            if model is None:
                continue
            read += 1
            objects = made(model)
            found = [decided(pod) for pod in pods(objects)]
            row.got_through += any(one not in known for one in found) or namespaces(objects) != {"ns"}
        assert read > TRIED / 4, "most would have been refused as they are"
        row.figure = f"{read:,} of them are read as Models, the others refused"
        row.control = f"laid over a pod, {taken_at_its_word} of them would have decided something"
