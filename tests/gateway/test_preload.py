"""POST /preload-model: a call to one model, by those who administer."""

from typing import Any

import httpx
import pytest


async def preload(gateway: Any, headers: dict[str, str], **body: Any) -> httpx.Response:
    answer = await gateway.public.post("/preload-model", json=body, headers=headers)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_the_model_is_called_and_its_state_told(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    async with run_gateway(resources=[model_resource(aliases=("pdpl",))]) as gateway:
        answer = await preload(gateway, bearer("admin"), model_type="pdpl", language="vi")
    assert answer.status_code == 202
    body = answer.json()
    assert body.pop("warm_up_ms") >= 0
    assert body == {
        "model": "principles-vi",
        "model_type": "pdpl",
        "language": "vi",
        "state": "ready",
        "model_revision": "5" * 64,
    }
    assert len(gateway.predictor.asked) == 1


async def test_every_time_anew_whatever_the_cache_knows(gateway: Any, bearer: Any) -> None:
    for _ in range(2):
        await preload(gateway, bearer("admin"), model_type="principles")
    assert len(gateway.predictor.asked) == 2


@pytest.mark.parametrize("role", ["viewer", "staff", "auditor", "dpo", "compliance_manager"])
async def test_nobody_else_may(gateway: Any, bearer: Any, role: Any) -> None:
    answer = await preload(gateway, bearer(role), model_type="principles")
    assert answer.status_code == 403
    assert answer.json()["detail"]["required_permission"] == "user.write"
    assert gateway.predictor.asked == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model_type": "nonsense"}, 400, "unknown_model_type"),
        ({"model_type": "principles", "language": "fr"}, 400, "unknown_language"),
        ({"model_type": "company_normalizer"}, 400, "not_a_classifier"),
        ({"model_type": "consent"}, 503, "model_not_ready"),
        ({}, 422, "invalid_request"),
        ({"model_type": "principles", "text": "a"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_called(
    run_gateway: Any, model_resource: Any, bearer: Any, body: Any, status: Any, code: Any
) -> None:
    resources = [
        model_resource(),
        model_resource("consent-vi", model_type="consent", servable=False),
        model_resource("names-vi", model_type="company_normalizer", task="token-classification"),
    ]
    async with run_gateway(resources=resources) as gateway:
        answer = await preload(gateway, bearer("admin"), **body)
    assert (answer.status_code, answer.json()["detail"]["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize(("theirs", "ours"), [(503, 503), (500, 503), (504, 504)])
async def test_a_model_that_does_not_answer(gateway: Any, bearer: Any, theirs: Any, ours: Any) -> None:
    gateway.predictor.answer = lambda _: httpx.Response(theirs)
    assert (await preload(gateway, bearer("admin"), model_type="principles")).status_code == ours


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_under_every_base(gateway: Any, bearer: Any, base: Any) -> None:
    body = {"model_type": "principles", "language": "vi"}
    answer = await gateway.public.post(f"{base}/preload-model", json=body, headers=bearer("admin"))
    assert answer.status_code == 202
