"""How often the operator writes while nothing changes, from the API server's own account."""

import time

import pytest

from .audit import Audit
from .kubectl import Namespace, model
from .operator_process import OperatorProcess

MINUTES = 3.5


@pytest.mark.slow
def test_at_most_one_write_an_object_and_minute_when_nothing_changes(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    user = f"system:serviceaccount:{namespace.name}:operator"
    audit = Audit()
    namespace.kubectl("create", "quota", "small", "--hard=persistentvolumeclaims=2")
    namespace.apply(model("served-vi"))
    namespace.apply(model("waits-vi", storage={"create": {"size": "10Mi", "storageClassName": "gold"}}))
    namespace.serves("served-vi")
    namespace.reaches("waits-vi", "StorageClassMissing")
    namespace.apply(model("refused-vi"))
    namespace.reaches("refused-vi", "QuotaExceeded")
    made = audit.tries(namespace.name, user)
    for written in (
        "models/served-vi/status",
        "inferenceservices/served-vi",
        "persistentvolumeclaims/served-vi-model",
    ):
        assert made[written] >= 1, f"{made}: what was made is in the log"

    time.sleep(10)
    quiet, begun = Audit(), time.monotonic()
    looks = operator.health()
    time.sleep(MINUTES * 60)
    tried = quiet.tries(namespace.name, user)
    minutes = (time.monotonic() - begun) / 60
    assert operator.health().keys() == looks.keys(), "it is alive"
    assert max(tried.values(), default=0) <= minutes, tried
    # And it is not asleep: what is deleted comes back.
    namespace.comes_back("inferenceservice", "served-vi", 30)
