"""The golden requests and responses, as the predictor replays them too: what is sent, and what is read."""

import json
from typing import Any

import pytest

from veriaidpo_gateway.models.routes import model_from

from .replaying import golden, replay

GOLDEN = golden("v2_infer.json")
TAGS = golden("v2_infer_spans.json")
OUTPUTS = {output["name"]: output for output in GOLDEN["response"]["outputs"]}


@pytest.fixture
async def replayed(model_resource: Any) -> Any:
    model = model_from(model_resource())
    return await replay(GOLDEN, lambda predictors, texts, call: predictors.infer(model, texts, call))


def test_what_is_sent_is_the_golden_request(replayed: Any) -> None:
    request, _ = replayed
    assert json.loads(request.content) == GOLDEN["request"]
    assert (request.method, request.url.path) == ("POST", "/v2/models/principles-vi/infer")


def test_what_is_read_is_what_the_golden_response_says(replayed: Any) -> None:
    _, answers = replayed
    labels = OUTPUTS["probabilities"]["shape"][1]
    assert [answer.category_id for answer in answers] == OUTPUTS["category_id"]["data"]
    assert [answer.truncated for answer in answers] == OUTPUTS["truncated"]["data"]
    for i, answer in enumerate(answers):
        assert list(answer.probabilities) == OUTPUTS["probabilities"]["data"][i * labels : (i + 1) * labels]
        assert answer.revision == GOLDEN["response"]["parameters"]["model_revision"]
        assert answer.confidence == max(answer.probabilities)


@pytest.fixture
async def replayed_tags(model_resource: Any) -> Any:
    labels = [{"id": kind, "en": kind, "vi": kind} for kind in ("company", "person", "address")]
    model = model_from(model_resource("company-normalizer-vi", spec={"labels": labels}))
    return await replay(TAGS, lambda predictors, texts, call: predictors.tag(model, texts, call))


def test_what_a_tagger_is_sent_is_the_golden_request(replayed_tags: Any) -> None:
    request, _ = replayed_tags
    assert json.loads(request.content) == TAGS["request"]


def test_what_a_tagger_says_is_read_as_the_golden_response_says(replayed_tags: Any) -> None:
    _, answers = replayed_tags
    (spans,) = [output["data"] for output in TAGS["response"]["outputs"] if output["name"] == "spans"]
    assert [
        [(one.place.start, one.place.end, one.kind.lower()) for one in answer.marked] for answer in answers
    ] == [[(one["start"], one["end"], one["label"]) for one in json.loads(written)] for written in spans]
    assert {answer.revision for answer in answers} == {TAGS["response"]["parameters"]["model_revision"]}
