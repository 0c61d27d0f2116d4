"""What keeps pods from running has a reason, and ends without the operator being restarted."""

import json

import pytest

from .kubectl import Namespace, at
from .operator_process import OperatorProcess

NAME = "principles-vi"

pytestmark = pytest.mark.slow


def cpu(amount: str) -> dict[str, object]:
    return {"resources": {"requests": {"cpu": amount}, "limits": {"cpu": amount}}}


def test_a_pod_that_finds_no_node(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(at("v1", serving=cpu("1k")))
    namespace.reaches(NAME, "Unschedulable", seconds=90)
    namespace.apply(at("v1", serving=cpu("50m")))
    namespace.serves(NAME)


def test_a_pod_that_ends_again_and_again(operator: OperatorProcess, namespace: Namespace) -> None:
    namespace.apply(at("ends"))
    namespace.reaches(NAME, "Crashing", seconds=90)
    namespace.apply(at("v1"))
    namespace.serves(NAME)


@pytest.mark.parametrize("what", ["pods", "persistentvolumeclaims", "count/jobs.batch"])
def test_a_quota_that_is_used_up(operator: OperatorProcess, namespace: Namespace, what: str) -> None:
    namespace.kubectl("create", "quota", "none", f"--hard={what}=0")
    namespace.apply(at("v1"))
    namespace.reaches(NAME, "QuotaExceeded", seconds=90)
    raised = json.dumps({"spec": {"hard": {what: "10"}}})
    namespace.kubectl("patch", "quota", "none", "--type=merge", "-p", raised)
    namespace.serves(NAME, 110)
