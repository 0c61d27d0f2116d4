"""The golden request and response, as the predictor replays them too: what is sent, and what is read."""

import json
from typing import Any

import pytest

from veriaidpo_gateway.routes import model_from

from .replaying import golden, replay

GOLDEN = golden("v2_infer.json")
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
