"""A predictor that is slow, gone, busy or wrong."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest


def failing(*answers: Any) -> Any:
    """Answer with each in turn; an exception is raised, and the last one goes on for ever."""
    left = list(answers)

    def answer(request: Any) -> Any:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return now

    return answer


async def test_a_dropped_connection_is_tried_once_more(gateway: Any, bearer: Any) -> None:
    good = gateway.predictor.body
    first = [True]

    def drop_first(request: Any) -> Any:
        if first.pop() if first else False:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json=good(request))

    gateway.predictor.answer = drop_first
    assert (await gateway.classify("a", bearer())).status_code == 200
    assert len(gateway.predictor.asked) == 2


async def test_twice_dropped_is_a_503(gateway: Any, bearer: Any) -> None:
    gateway.predictor.answer = failing(httpx.ConnectError("refused"))
    answer = await gateway.classify("a", bearer())
    assert answer.status_code == 503
    assert answer.json()["detail"]["code"] == "model_unavailable"
    assert answer.headers["Retry-After"].isdigit()
    assert len(gateway.predictor.asked) == 2


async def test_a_predictor_that_cannot_be_reached_in_time_is_a_503(gateway: Any, bearer: Any) -> None:
    # A killed pod's address swallows packets: the caller still has 28 of 30 s, so no deadline has passed.
    gateway.predictor.answer = failing(httpx.ConnectTimeout("timed out"))
    answer = await gateway.classify("a", bearer())
    assert (answer.status_code, answer.json()["detail"]["code"]) == (503, "model_unavailable")
    assert answer.headers["Retry-After"].isdigit()
    assert len(gateway.predictor.asked) == 2


async def test_where_too_many_wait_already_the_model_is_busy_and_not_at_fault(
    gateway: Any, bearer: Any
) -> None:
    gateway.predictor.answer = failing(httpx.PoolTimeout("no place"))
    for i in range(6):
        answer = await gateway.classify(f"a {i}", bearer())
        assert (answer.status_code, answer.json()["detail"]["code"]) == (503, "model_busy")
        assert answer.headers["Retry-After"] == "2"
    assert len(gateway.predictor.asked) == 6  # asked again by nobody
    gateway.predictor.answer = None
    assert (await gateway.classify("b", bearer())).status_code == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502])
async def test_what_a_predictor_says_in_an_error_reaches_nobody(
    gateway: Any, bearer: Any, status: Any, caplog: Any
) -> None:
    words = "FileNotFoundError : /mnt/models with the text of Nguyễn Văn A"
    gateway.predictor.answer = failing(httpx.Response(status, json={"error": words}))
    answer = await gateway.classify("a", bearer())
    assert answer.status_code == 503
    assert answer.json()["detail"]["code"] == "model_unavailable"
    assert "Nguyễn" not in answer.text + caplog.text
    assert len(gateway.predictor.asked) == 1


async def test_a_busy_predictor_is_a_503_with_its_own_retry_after(gateway: Any, bearer: Any) -> None:
    gateway.predictor.answer = failing(httpx.Response(503, headers={"Retry-After": "7"}, json={}))
    answer = await gateway.classify("a", bearer())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert answer.json()["detail"]["code"] == "model_busy"


@pytest.mark.parametrize("retry_after", ["0", "000"])
async def test_at_once_is_a_second(gateway: Any, bearer: Any, retry_after: Any) -> None:
    # A batch asks again when it may, and would otherwise do nothing else.
    gateway.predictor.answer = failing(httpx.Response(503, headers={"Retry-After": retry_after}))
    assert (await gateway.classify("a", bearer())).headers["Retry-After"] == "1"


@pytest.mark.parametrize("retry_after", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "99999", "1\u0661"])
async def test_a_strange_retry_after_is_replaced(gateway: Any, bearer: Any, retry_after: Any) -> None:
    headers = [(b"Retry-After", retry_after.encode())]
    gateway.predictor.answer = failing(httpx.Response(503, headers=headers))
    assert (await gateway.classify("a", bearer())).headers["Retry-After"] == "2"


async def test_a_predictor_past_its_deadline_is_a_504(gateway: Any, bearer: Any) -> None:
    gateway.predictor.answer = failing(httpx.Response(504))
    answer = await gateway.classify("a", bearer())
    assert (answer.status_code, answer.json()["detail"]["code"]) == (504, "deadline_exceeded")


async def test_a_silent_predictor_is_a_504_when_the_time_is_up(run_gateway: Any, bearer: Any) -> None:
    async def silent(_: Any) -> None:
        await asyncio.Event().wait()

    async with run_gateway(deadline=0.1) as gateway:
        gateway.predictor.answer = silent
        started = time.monotonic()
        answer = await gateway.classify("a", bearer())
    assert answer.status_code == 504
    assert 0.09 < time.monotonic() - started < 1


async def test_five_failures_hold_the_next_calls_back(gateway: Any, bearer: Any) -> None:
    gateway.predictor.answer = failing(httpx.Response(500))
    for i in range(5):
        await gateway.classify(f"a {i}", bearer())
    asked = len(gateway.predictor.asked)
    answer = await gateway.classify("b", bearer())
    assert answer.status_code == 503
    assert len(gateway.predictor.asked) == asked == 5


async def test_one_models_trouble_is_not_anothers(run_gateway: Any, model_resource: Any, bearer: Any) -> None:
    resources = [model_resource(), model_resource("consent-vi", model_type="consent")]
    async with run_gateway(resources=resources) as gateway:
        good = gateway.predictor.body

        def answer(request: Any) -> Any:
            if "principles" in request.url.path:
                raise httpx.ConnectError("refused")
            return httpx.Response(200, json=good(request))

        gateway.predictor.answer = answer
        for i in range(6):
            assert (await gateway.classify(f"a {i}", bearer())).status_code == 503
        assert (await gateway.classify("a", bearer(), model_type="consent")).status_code == 200


async def test_an_open_breaker_does_not_hide_what_is_cached(gateway: Any, bearer: Any) -> None:
    await gateway.classify("a", bearer())
    gateway.predictor.answer = failing(httpx.Response(500))
    for i in range(6):
        await gateway.classify(f"b {i}", bearer())
    answer = await gateway.classify("a", bearer())
    assert (answer.status_code, answer.json()["cached"]) == (200, True)


def change(**outputs: Any) -> Any:
    def apply(body: Any) -> None:
        for output in body["outputs"]:
            output.update(outputs.get(output["name"], {}))

    return apply


WRONG = {
    "no outputs": lambda body: body.pop("outputs"),
    "no revision": lambda body: body.pop("parameters"),
    "empty revision": lambda body: body.update(parameters={"model_revision": ""}),
    "another model": lambda body: body.update(model_name="consent-vi"),
    "category too high": change(category_id={"data": [8]}),
    "category negative": change(category_id={"data": [-1]}),
    "category a fraction": change(category_id={"data": [1.5]}),
    "category true": change(category_id={"data": [True]}),
    "too few probabilities": change(probabilities={"data": [1.0], "shape": [1, 1]}),
    "probabilities null": change(probabilities={"data": [None] * 8}),
    "probabilities above one": change(probabilities={"data": [2.0] * 8}),
    "truncated a word": change(truncated={"data": ["no"]}),
    "a shape that lies": change(probabilities={"shape": [1, 8], "data": [0.5]}),
    "another datatype": change(category_id={"datatype": "FP32"}),
    "a list": lambda body: None,
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_answer_that_is_not_whole_is_no_answer(gateway: Any, bearer: Any, wrong: Any) -> None:
    good = gateway.predictor.body

    def answer(request: Any) -> Any:
        body = good(request)
        WRONG[wrong](body)
        return httpx.Response(200, json=[] if wrong == "a list" else body)

    gateway.predictor.answer = answer
    first = await gateway.classify("a", bearer())
    assert (first.status_code, first.json()["detail"]["code"]) == (503, "model_unavailable")
    gateway.predictor.answer = None
    assert (await gateway.classify("a", bearer())).json()["cached"] is False


async def test_the_request_is_the_v2_protocol_with_a_deadline(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(deadline=20.0) as gateway:
        await gateway.classify("thu thập email", bearer())
    (request,) = gateway.predictor.asked
    body = json.loads(request.content)
    assert body["inputs"] == [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["thu thập email"]}]
    assert body["id"] == request.headers["X-Request-Id"]
    assert 19_000 < int(request.headers["X-Deadline-Ms"]) <= 20_000
    assert "X-Tenant-ID" not in request.headers
