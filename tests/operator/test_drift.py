"""What counts as drift, and what is only another way to write the same."""

from typing import Any

import pytest

from veriaidpo_operator.objects import drift, quantity

from .built import service
from .world import World


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B"}, {"name": "A", "value": "1"}]}),
        ({"ownerReferences": []}, {}),
        ({"limits": {"cpu": "0.5", "memory": "1Gi"}}, {"limits": {"cpu": "500m", "memory": "1024Mi"}}),
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": 2}}),
        ({"nodeSelector": {}, "tolerations": [], "affinity": {}}, {}),
    ],
)
def test_the_same(wanted: Any, live: Any) -> None:
    assert drift.satisfied(wanted, live)


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": {"b": 1}}, {"a": 1}),
        ({"automountServiceAccountToken": False}, {}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}),
        ({"env": [{"name": "A"}]}, {"env": []}),
        ({"args": ["a"]}, {"args": ["a", "b"]}),
        ({"args": ["a"]}, {"args": "a"}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}),
        ({"limits": {"cpu": "1"}}, {"limits": {}}),
        ({"limits": {"cpu": "1"}}, {}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1", "memory": "1Gi"}}),
        ({"nodeSelector": {}}, {"nodeSelector": {"pool": "models"}}),
        ({"nodeSelector": {"pool": "models"}}, {"nodeSelector": {"pool": "models", "disk": "ssd"}}),
        ({"affinity": {}}, {"affinity": {"nodeAffinity": {}}}),
        ({"priorityClassName": ""}, {"priorityClassName": "high"}),
        ({"imagePullSecrets": []}, {"imagePullSecrets": [{"name": "old"}]}),
    ],
)
def test_drift(wanted: Any, live: Any) -> None:
    assert not drift.satisfied(wanted, live)


def test_a_wish_that_was_withdrawn_is_drift_too() -> None:
    """Fields nobody wants any more are removed by server-side apply, but somebody has to call it."""
    world = World({"serving": {"resources": {"limits": {"example.org/gpu": "1"}}}})
    world.settle()
    del world.body["spec"]["serving"]["resources"]
    assert [str(a) for a in world.decide().actions] == ["apply InferenceService principles-vi"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("1", "1"), (2, "2"), ("1Gi", "1073741824"), ("1.5G", "1500000000"), ("1e3", "1000")],
)
def test_quantities(text: str | int, value: str) -> None:
    assert str(quantity.number(text).normalize().to_eng_string()) or value
    assert quantity.same(text, value)


@pytest.mark.parametrize("text", ["", "a", "1x", "Gi", "NaN", "1e999999999999999999"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity.number(text)
    assert not quantity.exceeds(text, "1")
    assert not quantity.exceeds("1", text)


def test_a_quantity_that_no_number_holds_is_left_to_the_api_server_to_refuse() -> None:
    asked = {"limits": {"memory": "1e999999999999999999"}}
    container = service({"serving": {"resources": asked}})["spec"]["predictor"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "1e999999999999999999"
