"""Namespaces as administrators make them, and somebody with rights in one of them alone."""

import re

import yaml

from .cluster import REPO, run

SOMEBODY = "somebody-without-a-cluster"


def restricted(namespace: str) -> None:
    """Make a namespace where pods have to be restricted."""
    run("kubectl", "create", "namespace", namespace)
    run("kubectl", "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")


def destroyed(namespace: str) -> None:
    """Remove a namespace with all that is in it, if it is there."""
    run("kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--timeout=240s", timeout=260)


def installer_rights(namespace: str) -> None:
    """Give SOMEBODY the rights that docs/install.md says are needed, and no other."""
    run("kubectl", "apply", "-f", "-", stdin=_installer(namespace))
    for kind, name in (("clusterrole", "admin"), ("role", "veriaidpo-installer")):
        binding = ("create", "rolebinding", f"{name}-of-it", f"--{kind}={name}", f"--user={SOMEBODY}")
        run("kubectl", "--namespace", namespace, *binding)


def _installer(namespace: str) -> str:
    """Return the Role that docs/install.md has the administrator make, for a namespace."""
    page = (REPO / "docs/install.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page.partition("### Without a right beyond")[2], re.DOTALL)[
        :1
    ]
    role = yaml.safe_load(block)
    role["metadata"]["namespace"] = namespace
    return yaml.safe_dump(role)
