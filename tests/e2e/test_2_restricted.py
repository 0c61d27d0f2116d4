"""Somebody with rights in one namespace alone may install the shape `restricted`: asked as them."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .cluster import CHART, REPO, run
from .conftest import Installation
from .namespaces import SOMEBODY, destroyed, installer_rights

NAMESPACE = "e2e-rights"


@pytest.fixture
def namespace(installation: Installation) -> Iterator[str]:
    run("kubectl", "create", "namespace", NAMESPACE)
    installer_rights(NAMESPACE)
    yield NAMESPACE
    destroyed(NAMESPACE)


def applied(shape: str) -> subprocess.CompletedProcess[str]:
    """Have the API server look at everything of a shape, as that somebody; only the Roles are made."""
    values = str(CHART / f"ci/{shape}-values.yaml")
    chart = ("template", "veriaidpo", str(CHART), "--namespace", NAMESPACE, "--values", values)
    objects = [item for item in yaml.safe_load_all(run(str(REPO / "hack/helm"), *chart)) if item]
    # A binding is looked at together with the Role that it names.
    apply([item for item in objects if item["kind"] == "Role"]).check_returncode()
    return apply(objects, "--dry-run=server")


def apply(objects: list[dict[str, Any]], *flags: str) -> subprocess.CompletedProcess[str]:
    command = ("kubectl", "apply", f"--as={SOMEBODY}", *flags, "--filename", "-")
    text = yaml.safe_dump_all(objects)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)


def test_everything_of_the_restricted_shape_may_be_made(namespace: str) -> None:
    done = applied("restricted")
    assert done.returncode == 0, done.stderr
    assert "rolebinding.rbac.authorization.k8s.io/veriaidpo-operator created" in done.stdout


def test_another_shape_may_not(namespace: str) -> None:
    done = applied("minimal")
    assert done.returncode != 0
    assert "clusterroles" in done.stderr
