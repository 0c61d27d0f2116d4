"""With `explain` an answer says which words it rests on: by leaving each out, at a price that is bounded."""

import itertools
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_gateway.classification import occlusion
from veriaidpo_gateway.classification.explain import Explained
from veriaidpo_gateway.models.inference import TOGETHER
from veriaidpo_gateway.normalisation import spans, texts
from veriaidpo_gateway.normalisation.normalise import Normalised
from veriaidpo_gateway.normalisation.spans import Kind, Marked, Span

SENTENCE = "Shopee VN thu thập email khách hàng"


def by_words(predictor: Any) -> Any:
    """A model that is the surer of label 2 the more of `thu` and `email` a text has."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = predictor.body(request)
        seen = json.loads(request.content)["inputs"][0]["data"]
        sure = [
            0.5 + 0.3 * ("email" in text) + 0.1 * ("thu" in text) - 0.05 * ("khách" in text) for text in seen
        ]
        body["outputs"][1]["data"] = [
            one if i == 2 else (1 - one) / 7 for one in sure for i in range(predictor.labels)
        ]
        return httpx.Response(200, json=body)

    return answer


async def explained(gateway: Any, headers: Any, text: str = SENTENCE, **body: Any) -> httpx.Response:
    gateway.predictor.answer = by_words(gateway.predictor)
    answer = await gateway.classify(text, headers, explain=True, **body)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_each_word_is_told_by_its_place_in_the_text_as_it_was_sent(gateway: Any, bearer: Any) -> None:
    answer = (await explained(gateway, bearer())).json()
    Explained.model_validate(answer)
    explanation = answer["explanation"]
    assert explanation["method"] == "occlusion"
    assert explanation["category_id"] == answer["category_id"] == 2
    assert explanation["model_revision"] == answer["model_revision"]
    assert (explanation["evaluations"], explanation["most_evaluations"]) == (7, 32)
    told = {SENTENCE[word["start"] : word["end"]]: word["attribution"] for word in explanation["words"]}
    assert told == {
        "Shopee VN": 0,
        "thu": pytest.approx(0.1),
        "thập": 0,
        "email": pytest.approx(0.3),
        "khách": pytest.approx(-0.05),
        "hàng": 0,
    }


async def test_all_are_asked_in_one_call_and_no_model_sees_a_name(gateway: Any, bearer: Any) -> None:
    await explained(gateway, bearer())
    (question, aside) = gateway.predictor.batches
    assert question == ["[COMPANY] thu thập email khách hàng"]
    assert aside[0] == question[0]
    assert aside[1] == "thu thập email khách hàng"
    assert len(aside) == 7
    assert "Shopee" not in " ".join(aside)
    assert [request.headers.get("X-Aside") for request in gateway.predictor.asked] == [None, "true"]


@pytest.mark.parametrize("query", ["?explain=true", "?explain=false", ""])
async def test_it_may_be_asked_for_in_the_address(gateway: Any, bearer: Any, query: str) -> None:
    answer = await gateway.public.post("/classify" + query, json={"text": SENTENCE}, headers=bearer())
    assert answer.status_code == 200
    assert ("explanation" in answer.json()) is (query == "?explain=true")


@pytest.mark.parametrize("query", ["?explain=maybe", "?explain=", "?explain=true&explain=true"])
async def test_another_word_in_the_address_is_refused_in_both_languages(
    gateway: Any, bearer: Any, query: str
) -> None:
    answer = await gateway.public.post("/classify" + query, json={"text": SENTENCE}, headers=bearer())
    assert answer.status_code == 422
    (field,) = answer.json()["detail"]["fields"]
    assert field == {
        "field": "explain", "problem": "must be true or false", "problem_vi": "phải là true hoặc false",
    }  # fmt: skip


async def test_an_answer_from_the_cache_is_explained_and_nothing_of_it_is_cached(
    gateway: Any, bearer: Any
) -> None:
    first = (await explained(gateway, bearer())).json()
    second = (await explained(gateway, bearer())).json()
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["explanation"] == second["explanation"]
    assert [len(texts) for texts in gateway.predictor.batches] == [1, 7, 7]


async def test_without_metadata_there_is_an_explanation_all_the_same(gateway: Any, bearer: Any) -> None:
    answer = (await explained(gateway, bearer(), include_metadata=False)).json()
    assert "normalized_text" not in answer
    assert len(answer["explanation"]["words"]) == 6


async def test_a_long_text_costs_no_more_than_the_bound(gateway: Any, bearer: Any) -> None:
    text = "dữ liệu " * 400
    explanation = (await explained(gateway, bearer(), text)).json()["explanation"]
    assert explanation["evaluations"] <= 32
    assert [len(texts) for texts in gateway.predictor.batches] == [1, explanation["evaluations"]]
    ends = [(word["start"], word["end"]) for word in explanation["words"]]
    assert (ends[0][0], ends[-1][1]) == (0, len(text.rstrip()))
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(ends))


async def test_of_a_single_word_nothing_is_left_but_a_full_stop(gateway: Any, bearer: Any) -> None:
    explanation = (await explained(gateway, bearer(), "email")).json()["explanation"]
    assert gateway.predictor.batches[1] == ["email", "."]
    assert explanation["words"] == [{"start": 0, "end": 5, "attribution": pytest.approx(0.3)}]


async def test_a_model_that_finds_names_is_refused_in_both_languages(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    tagger = model_resource(
        "company-normalizer-vi", model_type="company_normalizer", task="token-classification"
    )
    async with run_gateway(resources=[model_resource(), tagger]) as gateway:
        answer = await explained(gateway, bearer(), model_type="company_normalizer")
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert detail["code"] == "not_a_classifier"
    assert detail["error"]
    assert detail["error_vi"]


async def test_every_evaluation_takes_its_place_in_the_limits(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=8, deadline=0.5) as gateway:
        first = await explained(gateway, bearer())
        second = await explained(gateway, bearer())
    assert first.status_code == 200  # one for the question, seven for its explanation
    assert second.status_code == 429
    assert second.headers["Retry-After"]


async def test_items_of_a_batch_are_not_explained_and_it_is_said(gateway: Any, bearer: Any) -> None:
    items = {"items": [{"text": SENTENCE, "explain": True}]}
    answer = await gateway.public.post("/batch-classify", json=items, headers=bearer())
    (result,) = answer.json()["results"]
    assert result["detail"]["code"] == "invalid_request"


async def test_no_word_of_it_is_logged(gateway: Any, bearer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        await explained(gateway, bearer(), "bimatcuatoi email")
    assert "bimatcuatoi" not in caplog.text


@given(
    st.text(st.sampled_from("ab đệ\t.,\u00a0"), min_size=1, max_size=80).filter(texts.canonical),
    st.integers(1, 31),
    st.data(),
)
def test_parts_are_all_of_a_text_in_order_and_no_more_than_asked(
    original: str, most: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(original) - 1))
    marked = (Marked(Span(start, data.draw(st.integers(start + 1, len(original)))), Kind.COMPANY),)
    text = Normalised(original, texts.canonical(spans.replace(original, marked)), marked, "2")
    found = occlusion.parts(text, most)
    assert 1 <= len(found) <= most
    words = [word for part in found for word in part]
    places = [word.place for word in words]
    assert places == sorted(places)
    assert all(one.end <= other.start for one, other in itertools.pairwise(places))
    kept = "".join(original[place.start : place.end] for place in places)
    assert "".join(kept.split()) == "".join(original.split())
    whole, *others = occlusion.without(text, [[], *found])
    assert whole == text.text
    assert len(others) == len(found)
    for left in others:
        assert left.strip()
        assert len(left) <= len(text.text) or left == occlusion.NOTHING


def test_the_bound_is_what_a_predictor_computes_together() -> None:
    assert occlusion.MOST + 1 == TOGETHER
