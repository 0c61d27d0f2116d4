"""A claim that is not there, somebody else's, lost, or exchanged for another."""

from .world import World


def test_a_named_claim_that_is_not_there_is_not_made() -> None:
    world = World({"storage": {"claimName": "shared"}})
    world.settle()
    assert world.condition("Ready") == ("False", "ClaimMissing")
    assert not world.objects


def test_a_named_claim_is_used_and_never_touched() -> None:
    world = World({"storage": {"claimName": "shared", "reclaimPolicy": "Delete"}})
    world.put({"kind": "PersistentVolumeClaim", "metadata": {"name": "shared"}, "spec": {}})
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    claim = world.get("PersistentVolumeClaim", "shared")
    assert claim is not None
    assert "labels" not in claim["metadata"]
    assert "ownerReferences" not in claim["metadata"]
    job = world.all("Job")[0]
    volumes = job["spec"]["template"]["spec"]["volumes"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "shared"}} in volumes


def test_a_claim_of_somebody_else_under_our_name_is_left_alone() -> None:
    world = World()
    claim = world.put(
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "principles-vi-model"}, "spec": {}}
    )
    world.settle()
    assert world.condition("Ready") == ("False", "NameConflict")
    assert world.objects == {("PersistentVolumeClaim", "principles-vi-model"): claim}


def test_a_lost_claim_that_was_made_again_is_filled_again() -> None:
    world = World()
    world.settle()
    before = world.status.fetched_by
    del world.objects["PersistentVolumeClaim", "principles-vi-model"]
    world.reconcile()
    assert world.condition("Downloaded")[0] == "False"
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.fetched_by != before


def test_another_claim_is_filled_before_the_service_moves_to_it() -> None:
    world = World()
    world.settle()
    world.put({"kind": "PersistentVolumeClaim", "metadata": {"name": "other"}, "spec": {}})
    world.change({"storage": {"claimName": "other"}})
    world.reconcile()
    assert served_claim(world) == "principles-vi-model"
    assert world.status.claim_name == "principles-vi-model"
    world.settle()
    assert served_claim(world) == "other"
    assert world.status.claim_name == "other"


def served_claim(world: World) -> str:
    service = world.get("InferenceService", "principles-vi")
    assert service is not None
    volumes = {v["name"]: v for v in service["spec"]["predictor"]["volumes"]}
    return str(volumes["models"]["persistentVolumeClaim"]["claimName"])
