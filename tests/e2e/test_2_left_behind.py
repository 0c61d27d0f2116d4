"""A namespace that is deleted with the release in it: what stays of the cluster's, and who takes it up."""

import shlex
from collections.abc import Iterator

import pytest

from ..documents import commands
from .cluster import CHART, helm, run
from .conftest import Installation
from .namespaces import destroyed, restricted

NAMESPACES = ("e2e-left", "e2e-other")
LEFT = {"e2e-left-veriaidpo-models-edit", "e2e-left-veriaidpo-models-view"}


@pytest.fixture
def namespaces(installation: Installation) -> Iterator[None]:
    for name in NAMESPACES:
        restricted(name)
    yield
    for name in NAMESPACES:
        destroyed(name)
        removed(name)


def install(namespace: str) -> None:
    """Install, and wait for nothing."""
    alone = ("redis.enabled=false", "postgresql.enabled=false", "gateway.replicas=0")
    helm("install", "veriaidpo", str(CHART), "--set", ",".join(alone), namespace=namespace)


def clusters_own() -> set[str]:
    """Name what is not of a namespace."""
    kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations"
    found = run("kubectl", "get", kinds, "--output", "jsonpath={.items[*].metadata.name}").split()
    return {name for name in found if name.startswith(NAMESPACES)}


def removed(namespace: str) -> None:
    """Type what docs/install.md says removes it."""
    (command,) = (
        line
        for block in commands("docs/install.md", "Removing it")
        for line in block
        if "clusterrole" in line
    )
    run(*shlex.split(command.replace("veriaidpo-veriaidpo", f"{namespace}-veriaidpo")), "--ignore-not-found")


@pytest.mark.slow
@pytest.mark.usefixtures("namespaces")
def test_two_roles_stay_and_stand_in_nobodys_way() -> None:
    here, elsewhere = NAMESPACES
    install(here)
    destroyed(here)
    assert clusters_own() == LEFT

    install(elsewhere)
    assert len(clusters_own()) == 2 * len(LEFT), "another namespace has roles of its own"
    restricted(here)
    install(here)  # the same name in the same namespace: the roles that were left are taken up
    helm("uninstall", "veriaidpo", namespace=elsewhere)
    assert clusters_own() == LEFT

    destroyed(here)
    removed(here)
    assert clusters_own() == set()
