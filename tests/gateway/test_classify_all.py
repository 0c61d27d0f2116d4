"""POST /classify-all: one text, every classifier served in that language."""

from typing import Any

import httpx
import pytest


@pytest.fixture
def resources(model_resource: Any) -> list[dict[str, Any]]:
    return [
        model_resource(aliases=("pdpl",)),
        model_resource("principles-en", language="en"),
        model_resource("legal-basis-vi", model_type="legal_basis"),
        model_resource("consent-vi", model_type="consent", servable=False),
        model_resource("company-normalizer-vi", model_type="company_normalizer", task="token-classification"),
    ]


async def ask(gateway: Any, headers: dict[str, str], **body: Any) -> httpx.Response:
    answer = await gateway.public.post("/classify-all", json=body, headers=headers)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_every_classifier_of_the_language_once_in_alphabetical_order(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        answer = (await ask(gateway, bearer(), text="Shopee VN thu thập email")).json()
    assert [one["model_type"] for one in answer["results"]] == ["consent", "legal_basis", "principles"]
    consent, legal_basis, principles = answer["results"]
    assert consent["detail"]["code"] == "model_not_ready"
    assert legal_basis["prediction"] == principles["prediction"] == "Nhãn 2"
    assert principles["normalized_text"] == "[COMPANY] thu thập email"
    assert (answer["total"], answer["failed"]) == (3, 1)


async def test_in_another_language(run_gateway: Any, resources: Any, bearer: Any) -> None:
    async with run_gateway(resources=resources) as gateway:
        answer = (await ask(gateway, bearer(), text="a", language="en", include_metadata=False)).json()
    (only,) = answer["results"]
    assert (only["prediction"], "probabilities" in only) == ("Label 2", False)


async def test_a_language_nobody_is_served_in_is_a_400_with_those_there_are(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        answer = await ask(gateway, bearer(), text="a", language="fr")
    assert answer.status_code == 400
    assert answer.json()["detail"]["available_languages"] == ["en", "vi"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"text": ""}, 422), ({"text": "a" * 4001}, 413), ({"text": "a", "model_type": "principles"}, 422)],
)
async def test_a_bad_text_is_an_error_as_a_whole(gateway: Any, bearer: Any, body: Any, status: Any) -> None:
    assert (await ask(gateway, bearer(), **body)).status_code == status


async def test_one_model_that_fails_takes_no_other_with_it(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        gateway.predictor.answer = lambda request: (
            httpx.Response(500)
            if "legal-basis" in request.url.path
            else httpx.Response(200, json=gateway.predictor.body(request))
        )
        _, legal_basis, principles = (await ask(gateway, bearer(), text="a")).json()["results"]
    assert (legal_basis["model_type"], legal_basis["detail"]["code"]) == ("legal_basis", "model_unavailable")
    assert principles["prediction"] == "Nhãn 2"


async def test_each_model_asked_counts_as_a_call(run_gateway: Any, resources: Any, bearer: Any) -> None:
    async with run_gateway(resources=resources, per_user=3) as gateway:
        assert (await ask(gateway, bearer(), text="a")).status_code == 200
        assert (await ask(gateway, bearer(), text="a")).status_code == 429


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_under_every_base(gateway: Any, bearer: Any, base: Any) -> None:
    answer = await gateway.public.post(f"{base}/classify-all", json={"text": "a"}, headers=bearer())
    assert answer.json()["total"] == 1
