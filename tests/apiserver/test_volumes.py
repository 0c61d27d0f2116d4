"""A Model's claim: it grows where its class allows it; whoever deletes a Model is told what goes with it."""

import json
from collections.abc import Iterator

import pytest

from .kubectl import Namespace, eventually, kubectl, model
from .operator_process import OperatorProcess

NAME = "principles-vi"
CLAIM = f"{NAME}-model"


@pytest.fixture
def growing_class(namespace: Namespace) -> Iterator[str]:
    """Make a storage class like the default one, that lets claims grow."""
    classes = json.loads(kubectl("get", "storageclass", "-o", "json"))["items"]
    mark = "storageclass.kubernetes.io/is-default-class"
    marked = (one for one in classes if one["metadata"].get("annotations", {}).get(mark) == "true")
    provisioner = next(marked)["provisioner"]
    name = f"growing-{namespace.name}"
    body = f"""
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: {name}}}
provisioner: {provisioner}
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
"""
    kubectl("apply", "-f", "-", stdin=body)
    yield name
    kubectl("delete", "storageclass", name)


def sized(size: str, storage_class: str | None = None) -> dict[str, object]:
    create = {"size": size} | ({"storageClassName": storage_class} if storage_class else {})
    return model(NAME, storage={"create": create})


def requested(namespace: Namespace) -> str:
    return str(namespace.get("pvc", CLAIM)["spec"]["resources"]["requests"]["storage"])


@pytest.mark.slow
def test_a_claim_grows_where_its_class_allows_it(
    operator: OperatorProcess, namespace: Namespace, growing_class: str
) -> None:
    namespace.apply(sized("10Mi", growing_class))
    namespace.serves(NAME)
    namespace.apply(sized("20Mi", growing_class))
    eventually("it asks for more", lambda: requested(namespace) == "20Mi")
    assert namespace.condition(NAME)[0] == "True"
    namespace.apply(sized("15Mi", growing_class))
    namespace.reaches(NAME, "AsExpected", kind="Degraded")
    assert requested(namespace) == "20Mi", "a claim never shrinks"


@pytest.mark.slow
def test_a_claim_that_may_not_grow_is_told_of_and_the_model_stays_ready(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(sized("10Mi"))
    namespace.serves(NAME)
    namespace.apply(sized("20Mi"))
    namespace.reaches(NAME, "ExpansionRefused", kind="Degraded")
    assert namespace.condition(NAME) == ("True", "Serving")
    namespace.apply(sized("10Mi"))
    namespace.reaches(NAME, "AsExpected", kind="Degraded")


def test_a_claim_that_goes_with_its_model_is_warned_of_and_goes(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(model(NAME, storage={"reclaimPolicy": "Delete"}))
    namespace.serves(NAME)
    selector = "--field-selector=involvedObject.kind=Model,reason=ClaimGoesWithModel"
    (event,) = namespace.items("events", selector)
    assert event["type"] == "Warning"
    assert CLAIM in event["message"]
    namespace.kubectl("delete", "model", NAME)
    eventually("the claim goes too", lambda: not namespace.get("pvc", CLAIM))
