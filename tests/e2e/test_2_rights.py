"""What the accounts of the product may do, as the API server says: the table, and nothing worse."""

import subprocess

import pytest
import yaml

from .cluster import NAMESPACE, REPO, helm

RIGHTS = yaml.safe_load((REPO / "tests/chart/rights.yaml").read_text())
del RIGHTS["veriaidpo-crd-upgrade"]  # it is there for the seconds of an upgrade
ELSEWHERE = "default"
WORSE = (
    ("get", "secrets"),
    ("create", "secrets"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("get", "nodes"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("delete", "persistentvolumeclaims"),
    ("patch", "models.veriaidpo.verisyntra.vn"),
)


def may(account: str, verb: str, resource: str, namespace: str = NAMESPACE) -> bool:
    """Ask the API server whether an account may do it."""
    name, _, part = resource.partition("/")
    sub = ("--subresource", part.partition(".")[0]) if part else ()
    group = part.partition(".")[2]
    asked = f"{name}.{group}" if group else name
    who = f"--as=system:serviceaccount:{NAMESPACE}:{account}"
    command = ["kubectl", "auth", "can-i", verb, asked, *sub, who, "--namespace", namespace, "--quiet"]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize("account", RIGHTS)
def test_an_account_may_do_what_the_table_says_and_that_nowhere_else(account: str) -> None:
    for resource, verbs in RIGHTS[account].items():
        for verb in verbs:
            assert may(account, verb, resource), (verb, resource)
            assert not may(account, verb, resource, ELSEWHERE), (verb, resource)


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize("account", RIGHTS)
def test_an_account_may_do_nothing_worse(account: str) -> None:
    assert [one for one in WORSE if may(account, *one)] == []


@pytest.mark.usefixtures("installation")
def test_helm_test_is_refused_without_a_token_and_answered_with_one() -> None:
    said = helm("test", "veriaidpo", "--logs", "--timeout", "2m")
    assert "without a token: 401" in said
    assert "with a token: 200" in said
