"""Where a cluster is named: a namespace of it with the product's accounts, and no pod."""

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ..rendered import Json, rendered
from .api_server import Caller, administrator

SHAPE = ("demoHub.enabled=true",)
PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


@dataclass(frozen=True)
class Space:
    """A namespace, everything the chart would make in it, and who may do everything there."""

    name: str
    release: str
    objects: list[Json]
    admin: Caller


@pytest.fixture(scope="session")
def space() -> Iterator[Space]:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    admin, name = administrator(), f"attacked-{uuid.uuid4().hex[:8]}"
    admin.made("/api/v1/namespaces", {"metadata": {"name": name}})
    objects = rendered(*SHAPE, release=name, namespace=name)
    made = []
    try:
        for kind, path in PATHS.items():
            for one in objects:
                if one["kind"] == kind:
                    admin.made(path.format(name), one)
                    made.append(f"{path.format(name)}/{one['metadata']['name']}")
        _until_there(admin, f"/api/v1/namespaces/{name}/serviceaccounts/default")
        yield Space(name, name, objects, admin)
    finally:
        for path in made:
            admin.ask("DELETE", path)
        admin.ask("DELETE", f"/api/v1/namespaces/{name}")


def _until_there(admin: Caller, path: str) -> None:
    for _ in range(300):
        if admin.ask("GET", path).status == 200:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} does not come")
