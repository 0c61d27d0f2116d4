"""Somebody with rights in one namespace alone may install the shape `restricted`: asked as them."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .cluster import CHART, REPO, run
from .conftest import Installation

NAMESPACE = "e2e-restricted"
SOMEBODY = "somebody-without-a-cluster"


def installer() -> str:
    """Return the Role that docs/install.md has the administrator make, for this namespace."""
    page = (REPO / "docs/install.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page.partition("### Without a right beyond")[2], re.DOTALL)[
        :1
    ]
    role = yaml.safe_load(block)
    role["metadata"]["namespace"] = NAMESPACE
    return yaml.safe_dump(role)


@pytest.fixture
def namespace(installation: Installation) -> Iterator[str]:
    run("kubectl", "create", "namespace", NAMESPACE)
    run("kubectl", "apply", "-f", "-", stdin=installer())
    for kind, name in (("clusterrole", "admin"), ("role", "veriaidpo-installer")):
        binding = ("create", "rolebinding", f"{name}-of-it", f"--{kind}={name}", f"--user={SOMEBODY}")
        run("kubectl", "--namespace", NAMESPACE, *binding)
    yield NAMESPACE
    run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=60s")


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
