"""The objects a Model has: what is promised of all of them, and of the claim."""

from typing import Any

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import claims as objects

from .built import PODS, container, job, service
from .world import World


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
class TestBothPods:
    def test_they_obey_the_restricted_pod_security_standard(self, pod: Json) -> None:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        security = container(pod)["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"] is True

    def test_they_are_user_10001_so_that_both_may_use_the_volume(self, pod: Json) -> None:
        security = pod["securityContext"]
        assert {security[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}

    def test_they_hold_no_credentials_of_the_cluster(self, pod: Json) -> None:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert "serviceAccountName" not in pod

    def test_only_tmp_can_be_written_besides_the_volume(self, pod: Json) -> None:
        empty = [v["name"] for v in pod["volumes"] if "emptyDir" in v]
        assert empty == ["tmp"]

    def test_they_ask_for_little_and_are_bounded_in_memory(self, pod: Json) -> None:
        resources = container(pod)["resources"]
        assert resources["requests"]["cpu"] == "50m"
        assert "memory" in resources["limits"]


def test_every_child_carries_the_same_labels() -> None:
    world = World()
    expected = {
        "app.kubernetes.io/managed-by": "veriaidpo-operator",
        "app.kubernetes.io/part-of": "veriaidpo",
        "veriaidpo.verisyntra.vn/model": "principles-vi",
    }
    fetch = job()
    for body in (objects.claim(world.model), fetch, fetch["spec"]["template"], service()):
        assert expected.items() <= body["metadata"]["labels"].items()


def test_job_and_service_go_with_the_model_and_a_kept_claim_does_not() -> None:
    for body in (job(), service()):
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["controller"]) == ("Model", True)
    assert objects.claim(World().model)["metadata"]["ownerReferences"] == []


# The claim


def test_the_claim_is_made_as_wanted() -> None:
    create = {"size": "5Gi", "storageClassName": "fast", "accessModes": ["ReadWriteMany"]}
    claim = objects.claim(World({"storage": {"create": create}}).model)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
    }


def test_without_a_wish_the_claim_is_of_the_default_class() -> None:
    assert "storageClassName" not in objects.claim(World().model)["spec"]


def test_pull_secrets_and_policy_reach_both_pods() -> None:
    settings: dict[str, Any] = {"image_pull_secrets": ("regcred",), "image_pull_policy": "Always"}
    for pod in (job(**settings)["spec"]["template"]["spec"], service(**settings)["spec"]["predictor"]):
        assert pod["imagePullSecrets"] == [{"name": "regcred"}]
        assert container(pod)["imagePullPolicy"] == "Always"


@pytest.mark.parametrize(
    ("wanted", "there", "grows"),
    [("3Gi", "2Gi", "3Gi"), ("2Gi", "2048Mi", None), ("1Gi", "2Gi", None), (None, "1Gi", None)],
)
def test_a_claim_grows_when_the_model_wants_more_and_never_shrinks(
    wanted: str | None, there: str, grows: str | None
) -> None:
    world = World({"storage": {"create": {"size": wanted}}} if wanted else {})
    claim = world.put({**objects.claim(world.model)})
    claim["spec"]["resources"]["requests"]["storage"] = there
    seen = world.observe().claim
    assert seen is not None
    assert objects.growth(world.model, seen) == grows
