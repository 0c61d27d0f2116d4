"""What a classification answers."""

import json
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_gateway.classification.answers import Classification
from veriaidpo_gateway.models.inference import Inference

SENTENCE = "Shopee VN thu thập email khách hàng"
WITH_METADATA = {
    "normalized_text",
    "detected_companies",
    "original_text",
    "processing_metadata",
    "probabilities",
    "model_revision",
    "truncated",
    "cached",
    "needs_review",
}
ALWAYS = {"prediction", "confidence", "category_id", "model_type", "language"}


async def test_every_documented_field_is_there(gateway: Any, bearer: Any) -> None:
    answer = (await gateway.classify(SENTENCE, bearer())).json()
    assert set(answer) == ALWAYS | WITH_METADATA
    assert answer["prediction"] == "Nhãn 2"
    assert answer["confidence"] == pytest.approx(0.8)
    assert answer["category_id"] == 2
    assert answer["probabilities"][2] == pytest.approx(0.8)
    assert len(answer["probabilities"]) == 8
    assert answer["model_revision"] == "5" * 64
    assert answer["original_text"] == SENTENCE
    assert answer["normalized_text"] == "[COMPANY] thu thập email khách hàng"
    assert answer["detected_companies"] == ["Shopee VN"]
    assert answer["truncated"] is False
    assert answer["cached"] is False


@pytest.mark.parametrize("include_metadata", [True, False])
async def test_an_answer_is_what_the_description_says(
    gateway: Any, bearer: Any, include_metadata: bool
) -> None:
    for _ in range(2):  # asked, and from the cache
        answer = await gateway.classify(
            "Shopee VN thu thập email", bearer(), include_metadata=include_metadata
        )
        described = Classification.model_validate_json(answer.content, strict=True)
        assert json.loads(described.model_dump_json(exclude_unset=True)) == answer.json()
        assert answer.json().keys() <= Classification.model_fields.keys()


async def test_metadata_counts_and_times_the_work(gateway: Any, bearer: Any) -> None:
    metadata = (await gateway.classify(SENTENCE, bearer())).json()["processing_metadata"]
    assert metadata["normalization_applied"] is True
    assert metadata["companies_detected"] == 1
    assert metadata["model_categories"] == 8
    assert metadata["processing_time_ms"] > 0
    assert datetime.fromisoformat(metadata["timestamp"]).tzinfo is not None


async def test_without_metadata_only_the_prediction_remains(gateway: Any, bearer: Any) -> None:
    answer = (await gateway.classify(SENTENCE, bearer(), include_metadata=False)).json()
    assert set(answer) == ALWAYS


async def test_the_model_sees_the_normalised_text_and_never_the_name(gateway: Any, bearer: Any) -> None:
    await gateway.classify(SENTENCE, bearer())
    assert gateway.predictor.texts == ["[COMPANY] thu thập email khách hàng"]


async def test_the_label_is_in_the_language_of_the_request(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    resources = [model_resource("principles-en", language="en")]
    async with run_gateway(resources=resources) as gateway:
        answer = (await gateway.classify("They keep it", bearer(), language="en")).json()
    assert answer["prediction"] == "Label 2"


async def test_an_alias_is_echoed_as_it_was_asked_for(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    resources = [
        model_resource("breach-severity-vi", model_type="breach_severity", aliases=("breach_triage",))
    ]
    async with run_gateway(resources=resources) as gateway:
        answer = await gateway.classify("lộ dữ liệu", bearer(), model_type="breach_triage")
    assert answer.json()["model_type"] == "breach_triage"


@pytest.mark.parametrize(("threshold", "expected"), [(None, False), (0.5, False), (0.8, False), (0.9, True)])
async def test_an_unsure_answer_needs_review(
    run_gateway: Any, model_resource: Any, bearer: Any, threshold: Any, expected: Any
) -> None:
    async with run_gateway(resources=[model_resource(spec={"threshold": threshold})]) as gateway:
        answers = [(await gateway.classify(SENTENCE, bearer())).json() for _ in range(2)]
    assert [answer["cached"] for answer in answers] == [False, True]
    for answer in answers:
        assert answer["needs_review"] is expected
        assert ("second_prediction" in answer) is expected


async def test_what_needs_review_names_the_second_label_in_both_languages(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    async with run_gateway(resources=[model_resource(spec={"threshold": 0.9}, labels=3)]) as gateway:
        gateway.predictor.answer = lambda request: probabilities(gateway.predictor, request, 0.3, 0.1, 0.6)
        answers = [(await gateway.classify(SENTENCE, bearer())).json() for _ in range(2)]
    for answer in answers:  # asked, and from the cache
        Classification.model_validate(answer)
        assert answer["category_id"] == 2
        assert answer["second_prediction"] == {
            "category_id": 0,
            "en": "Label 0",
            "vi": "Nhãn 0",
            "confidence": 0.3,
        }


def probabilities(predictor: Any, request: httpx.Request, *told: float) -> httpx.Response:
    """Answer one text with these."""
    predictor.labels = len(told)
    body = predictor.body(request)
    body["outputs"][0]["data"] = [told.index(max(told))]
    body["outputs"][1]["data"] = list(told)
    return httpx.Response(200, json=body)


def test_a_model_with_one_label_has_no_second() -> None:
    assert Inference(0, (1.0,), False, "5" * 64).second is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.data())
def test_the_second_is_the_most_probable_of_the_others(shares: list[float], data: st.DataObject) -> None:
    chosen = data.draw(st.integers(0, len(shares) - 1))
    second = Inference(chosen, tuple(shares), False, "5" * 64).second
    assert second is not None
    assert second != chosen
    assert shares[second] == max(p for i, p in enumerate(shares) if i != chosen)


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
@pytest.mark.parametrize(
    ("path", "model_type"),
    [
        ("/classify-legal-basis", "legal_basis"),
        ("/classify-breach-severity", "breach_severity"),
        ("/classify-cross-border", "cross_border"),
    ],
)
async def test_a_fixed_route_asks_its_own_model(
    run_gateway: Any, model_resource: Any, bearer: Any, base: Any, path: Any, model_type: Any
) -> None:
    name = model_type.replace("_", "-") + "-vi"
    async with run_gateway(
        resources=[model_resource(), model_resource(name, model_type=model_type)]
    ) as gateway:
        answer = await gateway.public.post(
            base + path, json={"text": "gửi dữ liệu ra nước ngoài"}, headers=bearer()
        )
    assert answer.status_code == 200
    assert answer.json()["model_type"] == model_type
    assert gateway.predictor.asked[0].url.path == f"/v2/models/{name}/infer"


async def test_a_fixed_route_whose_model_nobody_installed_says_which_there_are(
    gateway: Any, bearer: Any
) -> None:
    answer = await gateway.public.post("/classify-legal-basis", json={"text": "a"}, headers=bearer())
    assert answer.status_code == 400
    assert answer.json()["detail"]["available_model_types"] == ["principles"]


async def test_the_second_same_sentence_comes_from_the_cache(gateway: Any, bearer: Any) -> None:
    first = (await gateway.classify(SENTENCE, bearer())).json()
    second = (await gateway.classify(SENTENCE, bearer())).json()
    assert (first["cached"], second["cached"]) == (False, True)
    assert len(gateway.predictor.asked) == 1
    same = ALWAYS | {"probabilities", "model_revision", "truncated", "detected_companies"}
    assert {k: first[k] for k in same} == {k: second[k] for k in same}


async def test_two_companies_in_the_same_sentence_share_a_result_but_not_their_names(
    gateway: Any, bearer: Any
) -> None:
    await gateway.classify("Shopee thu thập email", bearer())
    answer = (await gateway.classify("Tiki thu thập email", bearer())).json()
    assert answer["cached"] is True
    assert answer["original_text"] == "Tiki thu thập email"
    assert answer["detected_companies"] == ["Tiki"]


async def test_a_tenant_never_meets_another_tenants_result(gateway: Any, bearer: Any) -> None:
    await gateway.classify(SENTENCE, bearer())
    answer = (await gateway.classify(SENTENCE, bearer(tenant_id="t2"))).json()
    assert answer["cached"] is False
    assert len(gateway.predictor.asked) == 2


async def test_an_answer_is_kept_under_the_revision_that_gave_it(gateway: Any, bearer: Any) -> None:
    gateway.predictor.revision = "6" * 64  # a rollout: the resource still names the old one
    first = (await gateway.classify(SENTENCE, bearer())).json()
    again = (await gateway.classify(SENTENCE, bearer())).json()
    assert first["model_revision"] == "6" * 64
    assert again["cached"] is False
    gateway.source.resources[0]["status"]["currentRevision"] = "6" * 64
    assert (await gateway.classify(SENTENCE, bearer())).json()["cached"] is True
