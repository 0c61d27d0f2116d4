"""POST /batch-classify: many sentences at once, a result or an error for each."""

import json
from typing import Any

import httpx
import pytest

SENTENCE = "Shopee VN thu thập email khách hàng"


@pytest.fixture
def resources(model_resource: Any) -> list[dict[str, Any]]:
    return [
        model_resource(),
        model_resource("principles-en", language="en"),
        model_resource("legal-basis-vi", model_type="legal_basis"),
        model_resource(
            "consent-vi",
            model_type="consent",
            servable=False,
            status={"download": {"bytesDone": 1, "bytesTotal": 4, "percent": 25, "remainingSeconds": 7}},
        ),
    ]


async def batch(gateway: Any, headers: dict[str, str], **body: Any) -> httpx.Response:
    answer = await gateway.public.post("/batch-classify", json=body, headers=headers)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_each_result_is_what_classify_would_have_answered(gateway: Any, bearer: Any) -> None:
    answer = await batch(gateway, bearer(), items=[{"id": "a", "text": SENTENCE}])
    (result,) = answer.json()["results"]
    single = (await gateway.classify(SENTENCE, bearer())).json()
    for one in (result, single):
        del one["processing_metadata"], one["cached"]
    assert result == {"id": "a", **single}


async def test_results_are_in_order_with_their_ids(gateway: Any, bearer: Any) -> None:
    items = [{"id": i, "text": f"câu số {i}"} for i in range(100)]
    answer = (await batch(gateway, bearer(), items=items)).json()
    assert [result["id"] for result in answer["results"]] == list(range(100))
    assert [result["original_text"] for result in answer["results"]] == [item["text"] for item in items]
    assert (answer["total"], answer["failed"]) == (100, 0)
    assert answer["processing_time_ms"] >= 0


async def test_half_a_character_is_no_id_and_spoils_no_other_item(gateway: Any, bearer: Any) -> None:
    # JSON can write a surrogate by itself, UTF-8 cannot.
    answer = await gateway.public.post(
        "/batch-classify",
        content=rb'{"items":[{"id":"\ud800","text":"abc"},{"id":"b","text":"abd"}]}',
        headers={"Content-Type": "application/json", **bearer()},
    )
    bad, good = answer.json()["results"]
    assert "id" not in bad
    assert bad["detail"]["code"] == "invalid_request"
    assert (good["id"], good["prediction"]) == ("b", "Nhãn 2")


async def test_types_and_languages_may_be_mixed_and_each_model_is_asked_for_its_own(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        items = [
            {"text": "một"},
            {"text": "two", "language": "en"},
            {"text": "ba", "model_type": "legal_basis"},
            {"text": "bốn"},
        ]
        answer = (await batch(gateway, bearer(), items=items)).json()
    found = [(one["model_type"], one["language"], one["prediction"]) for one in answer["results"]]
    assert found == [
        ("principles", "vi", "Nhãn 2"),
        ("principles", "en", "Label 2"),
        ("legal_basis", "vi", "Nhãn 2"),
        ("principles", "vi", "Nhãn 2"),
    ]
    assert sorted(gateway.predictor.batches) == [["ba"], ["một", "bốn"], ["two"]]


async def test_what_the_batch_says_holds_for_items_that_say_nothing(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        items = [{"text": "a"}, {"text": "b", "model_type": "principles", "include_metadata": True}]
        answer = await batch(gateway, bearer(), items=items, model_type="legal_basis", include_metadata=False)
    first, second = answer.json()["results"]
    assert (first["model_type"], "probabilities" in first) == ("legal_basis", False)
    assert (second["model_type"], "probabilities" in second) == ("principles", True)


async def test_texts_are_the_short_form(run_gateway: Any, resources: Any, bearer: Any) -> None:
    async with run_gateway(resources=resources) as gateway:
        answer = await batch(gateway, bearer(), texts=["one", "two"], model_type="principles", language="en")
    assert [one["prediction"] for one in answer.json()["results"]] == ["Label 2", "Label 2"]
    assert "id" not in answer.json()["results"][0]


async def test_a_model_is_asked_in_portions_it_computes_together(gateway: Any, bearer: Any) -> None:
    await batch(gateway, bearer(), texts=[f"câu {i}" for i in range(256)])
    assert [len(texts) for texts in gateway.predictor.batches] == [32] * 8


async def test_the_same_sentence_is_asked_once_and_what_is_known_not_at_all(
    gateway: Any, bearer: Any
) -> None:
    await gateway.classify("đã biết", bearer())
    answer = await batch(gateway, bearer(), texts=["mới", "đã biết", "mới"])
    assert [one["cached"] for one in answer.json()["results"]] == [False, True, False]
    assert gateway.predictor.batches == [["đã biết"], ["mới"]]
    again = await batch(gateway, bearer(), texts=["mới", "đã biết"])
    assert [one["cached"] for one in again.json()["results"]] == [True, True]


async def test_another_tenant_never_meets_its_results(gateway: Any, bearer: Any) -> None:
    await batch(gateway, bearer(), texts=["một"])
    answer = await batch(gateway, bearer(tenant_id="t2"), texts=["một"])
    assert answer.json()["results"][0]["cached"] is False


BAD_ITEMS: list[tuple[Any, str, Any]] = [
    ({"id": 5}, "invalid_request", 5),
    ({"text": 7, "id": "x"}, "invalid_request", "x"),
    ({"text": "a", "unknown": 1}, "invalid_request", None),
    ({"text": " "}, "invalid_request", None),
    ({"text": "a\x00b", "id": "y"}, "invalid_request", "y"),
    ({"text": "a" * 4001, "id": "z"}, "text_too_long", "z"),
    ({"text": "a", "id": "i" * 200}, "invalid_request", None),
    ({"text": "a", "id": True}, "invalid_request", None),
    ("just text", "invalid_request", None),
    (None, "invalid_request", None),
    ({"text": "a", "model_type": "nonsense"}, "unknown_model_type", None),
    ({"text": "a", "language": "fr"}, "unknown_language", None),
]


async def test_a_bad_item_is_an_error_of_its_own_and_hurts_nobody_else(gateway: Any, bearer: Any) -> None:
    items = [{"text": "trước"}, *(item for item, _, _ in BAD_ITEMS), {"id": "last", "text": "sau"}]
    response = await batch(gateway, bearer(), items=items)
    answer = response.json()
    assert response.status_code == 200
    assert (answer["total"], answer["failed"]) == (len(BAD_ITEMS) + 2, len(BAD_ITEMS))
    first, *bad, last = answer["results"]
    assert (first["prediction"], last["prediction"], last["id"]) == ("Nhãn 2", "Nhãn 2", "last")
    for result, (_, code, id_) in zip(bad, BAD_ITEMS, strict=True):
        assert result["detail"]["code"] == code
        assert result["detail"]["error"] != result["detail"]["error_vi"]
        assert result.get("id") == id_
    assert gateway.predictor.batches == [["trước", "sau"]]


async def test_a_model_that_is_not_there_yet_fails_its_items_alone(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        items = [{"text": "a", "model_type": "consent"}, {"text": "a"}]
        waiting, answered = (await batch(gateway, bearer(), items=items)).json()["results"]
    assert waiting["detail"]["code"] == "model_downloading"
    assert waiting["detail"]["progress"]["percent"] == 25
    assert waiting["detail"]["retry_after_seconds"] == 7
    assert answered["prediction"] == "Nhãn 2"


async def test_a_model_that_fails_fails_its_items_alone(
    run_gateway: Any, resources: Any, bearer: Any
) -> None:
    async with run_gateway(resources=resources) as gateway:
        gateway.predictor.answer = lambda request: (
            httpx.Response(500)
            if "legal-basis" in request.url.path
            else httpx.Response(200, json=gateway.predictor.body(request))
        )
        items = [{"text": "a", "model_type": "legal_basis"}, {"text": "a"}]
        broken, answered = (await batch(gateway, bearer(), items=items)).json()["results"]
    assert broken["detail"]["code"] == "model_unavailable"
    assert answered["prediction"] == "Nhãn 2"


async def test_a_busy_model_is_asked_again(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway() as gateway:
        busy = iter([httpx.Response(503, headers={"Retry-After": "0"})])
        gateway.predictor.answer = lambda request: next(
            busy, httpx.Response(200, json=gateway.predictor.body(request))
        )
        answer = await batch(gateway, bearer(), texts=["a", "b"])
    assert answer.json()["failed"] == 0
    assert len(gateway.predictor.asked) == 2


async def test_a_model_that_stays_busy_is_an_error_while_there_is_time_to_say_so(
    run_gateway: Any, bearer: Any
) -> None:
    async with run_gateway(deadline=5) as gateway:
        gateway.predictor.answer = lambda _: httpx.Response(503, headers={"Retry-After": "9"})
        answer = await batch(gateway, bearer(), texts=["a"])
    assert answer.json()["results"][0]["detail"]["code"] == "model_busy"


async def test_a_model_that_is_too_slow_is_a_504_for_its_items(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(deadline=0.2) as gateway:
        gateway.predictor.answer = lambda _: httpx.Response(504)
        answer = await batch(gateway, bearer(), texts=["a", "b"])
    assert answer.status_code == 200
    assert [one["detail"]["code"] for one in answer.json()["results"]] == ["deadline_exceeded"] * 2


BAD_BODIES: list[tuple[dict[str, Any], str | None]] = [
    ({}, "items"),
    ({"items": [{"text": "a"}], "texts": ["a"]}, "items"),
    ({"items": []}, "items"),
    ({"texts": []}, "texts"),
    ({"texts": ["a"] * 257}, "texts"),
    ({"items": "a"}, "items"),
    ({"texts": ["a"], "language": 5}, "language"),
    ({"texts": ["a"], "more": 5}, None),
]


@pytest.mark.parametrize(("body", "field"), BAD_BODIES, ids=lambda value: str(value)[:30])
async def test_a_bad_request_is_an_error_as_a_whole(gateway: Any, bearer: Any, body: Any, field: Any) -> None:
    answer = await batch(gateway, bearer(), **body)
    assert answer.status_code == 422
    assert answer.json()["detail"]["fields"][0]["field"] == field
    assert gateway.predictor.asked == []


async def test_a_body_may_have_four_mebibytes_and_not_one_more(gateway: Any, bearer: Any) -> None:
    body = json.dumps({"texts": ["câu"]}).encode()
    headers = {**bearer(), "Content-Type": "application/json"}
    for size, status in ((4 * 1024 * 1024, 200), (4 * 1024 * 1024 + 1, 413)):
        answer = await gateway.public.post("/batch-classify", content=body.ljust(size), headers=headers)
        assert answer.status_code == status
    assert answer.json()["detail"]["max_bytes"] == 4 * 1024 * 1024


async def test_before_there_are_routes_the_whole_batch_is_a_503(gateway: Any, bearer: Any) -> None:
    gateway.source.resources = None
    answer = await batch(gateway, bearer(), texts=["a"])
    assert (answer.status_code, answer.json()["detail"]["code"]) == (503, "not_started")


async def test_items_count_as_calls_and_wait_for_their_turn(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=3) as gateway:
        answer = await batch(gateway, bearer(), texts=["a", "b", "c", "d", "e"])
        assert answer.json()["failed"] == 0
        assert answer.json()["processing_time_ms"] >= 900
        refused = [(await gateway.classify("x", bearer())).status_code for _ in range(3)]
    assert 429 in refused


async def test_items_whose_turn_does_not_come_in_time_are_refused_one_by_one(
    run_gateway: Any, bearer: Any
) -> None:
    async with run_gateway(per_user=2, deadline=0.5) as gateway:
        results = (await batch(gateway, bearer(), texts=["a", "b", "c"])).json()["results"]
    assert [one.get("detail", {}).get("code") for one in results] == [None, None, "rate_limited"]
    assert results[2]["detail"]["retry_after_seconds"] == 1


async def test_what_was_answered_is_measured_and_noted(gateway: Any, bearer: Any, caplog: Any) -> None:
    with caplog.at_level("INFO", logger="veriaidpo_gateway"):
        await batch(gateway, bearer(), items=[{"text": "Nguyễn Văn A"}, {"text": "b"}, {"text": ""}])
    (line,) = [record.fields for record in caplog.records if record.name == "veriaidpo_gateway.http.edge"]
    assert (line["route"], line["items"], line["failed"]) == ("batch-classify", 3, 1)
    assert "Nguyễn" not in str(line)
    metrics = (await gateway.inner.get("/metrics")).text
    assert 'classifications_total{cached="false",model="principles-vi"} 2.0' in metrics


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_under_every_base(gateway: Any, bearer: Any, base: Any) -> None:
    answer = await gateway.public.post(f"{base}/batch-classify", json={"texts": ["a"]}, headers=bearer())
    assert answer.json()["total"] == 1
