"""K2, K4: the product's pods, changed to take more of the node, and what a pod has of the API server."""

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import Attack
from ..rendered import Json
from .api_server import DRY, Answer
from .conftest import Space
from .release import component, templates_of

ENFORCE = "pod-security.kubernetes.io/enforce"
OF_THE_SERVER = {"gateway", "operator", "crd-upgrade"}
"""Components that ask the API server."""

Change = Callable[[Json], None]


def container(**fields: Any) -> Change:
    return lambda pod: pod["containers"][0].update(fields)


def context(**fields: Any) -> Change:
    return lambda pod: pod["containers"][0].setdefault("securityContext", {}).update(fields)


def without(name: str) -> Change:
    """Leave out what the container says of it, and the pod too."""

    def change(pod: Json) -> None:
        for one in (pod, pod["containers"][0]):
            one.get("securityContext", {}).pop(name, None)

    return change


def volume(**source: Any) -> Change:
    return lambda pod: pod.setdefault("volumes", []).append({"name": "evil", **source})


def pod_context(**fields: Any) -> Change:
    return lambda pod: pod.setdefault("securityContext", {}).update(fields)


def beside(**fields: Any) -> Change:
    """Begin with another container, which is careful in nothing."""
    evil = {"name": "evil", "image": "evil:1", **fields}
    return lambda pod: pod.setdefault("initContainers", []).append(evil)


CHANGES: dict[str, Change] = {
    "the node's network": lambda pod: pod.update(hostNetwork=True),
    "the node's processes": lambda pod: pod.update(hostPID=True),
    "the node's memory": lambda pod: pod.update(hostIPC=True),
    "a port of the node": container(ports=[{"containerPort": 8080, "hostPort": 8080}]),
    "the node's files": volume(hostPath={"path": "/"}),
    "the node's log": volume(hostPath={"path": "/var/log", "type": "Directory"}),
    "a share": volume(nfs={"server": "10.0.0.1", "path": "/"}),
    "a disk": volume(iscsi={"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:x", "lun": 0}),
    "a volume's driver": volume(flexVolume={"driver": "example/evil"}),
    "all rights": context(privileged=True, allowPrivilegeEscalation=True),
    "more rights later": context(allowPrivilegeEscalation=True),
    "more rights later, unsaid": without("allowPrivilegeEscalation"),
    "the usual capabilities": without("capabilities"),
    "some capabilities kept": context(capabilities={"drop": ["NET_RAW"]}),
    "SYS_ADMIN": context(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "NET_ADMIN": context(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    "SYS_PTRACE": context(capabilities={"drop": ["ALL"], "add": ["SYS_PTRACE"]}),
    "root": context(runAsUser=0),
    "root in every container": pod_context(runAsUser=0),
    "root allowed": context(runAsNonRoot=False),
    "root, unsaid": without("runAsNonRoot"),
    "every system call": context(seccompProfile={"type": "Unconfined"}),
    "every system call, unsaid": without("seccompProfile"),
    "no AppArmor": context(appArmorProfile={"type": "Unconfined"}),
    "a label of SELinux": context(seLinuxOptions={"type": "spc_t"}),
    "a setting of the kernel": pod_context(sysctls=[{"name": "kernel.msgmax", "value": "65536"}]),
    "a careless container first": beside(),
    "a container with all rights first": beside(securityContext={"privileged": True}),
}


@pytest.fixture(scope="module")
def templates(space: Space) -> list[Json]:
    found = templates_of(space.objects)
    assert len(found) == 10
    return found


def asked(space: Space, of: Json, change: Change | None = None) -> Answer:
    """Have the API server look at a pod."""
    spec = copy.deepcopy(of["spec"])
    spec.setdefault("restartPolicy", "Always")
    spec["containers"][0].setdefault("image", "x:1")
    if change is not None:
        change(spec)
    labels = of["metadata"]["labels"]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": labels}, "spec": spec}
    return space.admin.ask("POST", f"/api/v1/namespaces/{space.name}/pods?{DRY}", body)


def enforced(space: Space, level: str | None, like: Json) -> None:
    """Label the namespace, and wait until a pod with all rights is refused for it, or is not."""
    labelled = {"metadata": {"labels": {ENFORCE: level}}}
    assert space.admin.ask("PATCH", f"/api/v1/namespaces/{space.name}", labelled).status == 200
    for _ in range(100):
        if (asked(space, like, CHANGES["all rights"]).status == 403) == (level is not None):
            return
        time.sleep(0.1)
    raise AssertionError("the label is not seen")


def test_k2_pods_that_take_more_of_the_node(attack: Attack, space: Space, templates: list[Json]) -> None:
    enforced(space, "restricted", templates[0])
    odd = []
    with attack("K2@cluster", "the product's pods, changed to take more of the node") as row:
        for one in templates:
            answer = asked(space, one)
            assert answer.status == 201, answer.message
            for what, change in CHANGES.items():
                row.tried += 1
                answer = asked(space, one, change)
                row.got_through += answer.status == 201
                if "violates PodSecurity" not in answer.message:
                    odd.append((what, answer.message))
        assert odd == [], "refused for another reason, or not at all"
        row.figure = f"{len(templates)} pods, each let in as it is, with {len(CHANGES)} changes"
        enforced(space, None, templates[0])
        let_in = sum(
            asked(space, one, change).status == 201 for one in templates for change in CHANGES.values()
        )
        row.control = f"in a namespace without the label {let_in} of them are let in"


def tokens(answer: Answer) -> list[Json]:
    """Give the API server's tokens that a pod is handed."""
    assert answer.status == 201, answer.message
    return [
        source["serviceAccountToken"]
        for volume in answer.body["spec"].get("volumes", ())
        for source in volume.get("projected", {}).get("sources", ())
        if "serviceAccountToken" in source
    ]


def test_k4_pods_that_look_for_a_token(attack: Attack, space: Space, templates: list[Json]) -> None:
    with attack("K4@cluster", "pods that look for a token of the API server") as row:
        for one in templates:
            handed = tokens(asked(space, one))
            if component(one) in OF_THE_SERVER:
                assert [(token["expirationSeconds"], token.get("audience")) for token in handed] == [
                    (3607, None)
                ]
            else:
                row.tried += 1
                row.got_through += len(handed)
        row.figure = f"{', '.join(sorted(OF_THE_SERVER))} have one, for an hour; no other has"
        usual = sum(
            bool(tokens(asked(space, one, lambda pod: pod.pop("automountServiceAccountToken", None))))
            for one in templates
        )
        row.control = f"left to what is usual, {usual} of them are handed one"
