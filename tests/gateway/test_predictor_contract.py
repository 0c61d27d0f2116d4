"""The golden request and response, as the predictor replays them too: what is sent, and what is read."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_gateway.predictor import Call, Predictors
from veriaidpo_gateway.routes import model_from

GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "v2_infer.json").read_text(encoding="utf-8"))
TEXTS = GOLDEN["request"]["inputs"][0]["data"]
OUTPUTS = {output["name"]: output for output in GOLDEN["response"]["outputs"]}


@pytest.fixture
async def replayed(model_resource: Any) -> Any:
    sent = []

    def predictor(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=GOLDEN["response"])

    call = Call(GOLDEN["request"]["id"], deadline=time.monotonic() + 30, allowed=30)
    async with httpx.AsyncClient(transport=httpx.MockTransport(predictor)) as http:
        answers = await Predictors(http, None).infer(model_from(model_resource()), TEXTS, call)
    (request,) = sent
    return request, answers


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
