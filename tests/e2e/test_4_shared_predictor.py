"""Models on one claim share a predictor: one that breaks, and one that goes, is nothing to the others."""

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from .cluster import CATALOGUE, classify, condition, eventually, get, kubectl, wait_ready
from .conftest import Installation
from .models import sample
from .parts import ready_pods

SHARED = "veriaidpo.verisyntra.vn/shared"
CLAIM = "common"
PLACES = {"basis-together-vi": "legal-basis-vi", "consent-together-vi": "consent-vi"}
"""The Models of this test, and whose weights, labels and golden sentences they have."""

BROKEN = "broken-together-vi"


def together(name: str, whose: str, label: str = "", placement: str = "shared") -> dict[str, Any]:
    """Return a Model on the common claim; `label` is what its golden sentence should get and does not."""
    entry = CATALOGUE[whose]
    golden = {**entry["goldenSentences"][0], **({"label": label} if label else {})}
    serving = {"placement": placement, "goldenSentences": [golden], "progressDeadlineSeconds": 60}
    return sample(
        name,
        labels=entry["labels"],
        source=get("model", whose)["spec"]["source"],
        storage={"claimName": CLAIM},
        serving=serving,
    )


def apply(resource: dict[str, Any]) -> None:
    kubectl("apply", "-f", "-", stdin=json.dumps(resource))


@pytest.fixture
def claim(installation: Installation) -> Iterator[None]:
    """Make the claim that is shared, and remove it afterwards with the Models on it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}
    apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec})
    yield
    kubectl("delete", "model", *PLACES, BROKEN, "--ignore-not-found", "--timeout=60s")
    kubectl("delete", "pvc", CLAIM, "--timeout=90s")


def ask(name: str, text: str, token: str) -> httpx.Response:
    return classify(text, name.removesuffix("-vi").replace("-", "_"), "vi", token)


@pytest.fixture(scope="module")
def answers(tokens: dict[str, str]) -> Callable[[str], bool]:
    """Return what asks a Model for its golden sentence; AssertionError unless it answers rightly."""
    number = itertools.count()  # a text of its own each time, in all tests: the cache answers nothing

    def answered(name: str) -> bool:
        entry = CATALOGUE[PLACES[name]]
        golden = entry["goldenSentences"][0]
        answer = ask(name, f"{golden['text']} ({next(number)})", tokens["staff"])
        assert answer.status_code == 200, answer.text
        assert not answer.json()["cached"]
        assert entry["labels"][answer.json()["category_id"]]["id"] == golden["label"]
        return True

    return answered


@pytest.mark.usefixtures("claim")
def test_two_answer_beside_a_broken_one_and_one_when_the_other_has_gone(
    answers: Callable[[str], bool], tokens: dict[str, str]
) -> None:
    for name, whose in PLACES.items():
        apply(together(name, whose))
    wait_ready(*PLACES)
    for name in PLACES:
        eventually(partial(answers, name), f"{name} answers through the ingress", 30)
    at = {get("model", name)["status"]["inferenceService"]["name"] for name in PLACES}
    pods = ready_pods(SHARED)
    assert len(at) == len(pods) == 1, "one predictor, one pod"

    apply(together(BROKEN, "consent-vi", label="invalid"))
    eventually(
        lambda: condition(BROKEN, "Ready").get("reason") == "GoldenSentenceFailed",
        "the broken one says why",
        60,
    )
    assert all(answers(name) for name in PLACES)

    gone, stays = PLACES
    kubectl("delete", "model", gone, BROKEN, "--timeout=60s")
    eventually(
        lambda: ask(gone, "a", tokens["staff"]).status_code == 400,
        "the gateway forgets the one that went",
        30,
    )
    assert answers(stays)
    assert ready_pods(SHARED) == pods, "nobody was restarted for it"


@pytest.mark.slow
@pytest.mark.usefixtures("claim")
def test_one_with_a_predictor_of_its_own_moves_in_and_answers_all_the_while(
    answers: Callable[[str], bool],
) -> None:
    stays, moves = PLACES
    apply(together(stays, PLACES[stays]))
    apply(together(moves, PLACES[moves], placement="own"))
    wait_ready(*PLACES)
    eventually(partial(answers, moves), "it answers by itself", 30)
    apply(together(moves, PLACES[moves]))
    refused = []

    def moved() -> bool:
        try:
            answers(moves)
        except AssertionError as error:
            refused.append(str(error))
        services = {one["metadata"]["name"] for one in get("inferenceservices")["items"]}
        at = get("model", moves)["status"]["inferenceService"]["name"]
        return at.startswith("shared-") and moves not in services

    eventually(moved, "its own predictor has gone", 120)
    assert refused == [], "whoever asked meanwhile was answered"
    assert answers(stays)
