"""The company normaliser: what it adds to the rules, and that nothing depends on it."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from veriaidpo_gateway.models import tagging

REVISION = "7" * 64
KINDS = ("company", "person", "address")
SENTENCE = "Chị Hằng Hạ ở Xóm Lò làm cho Rồng Xanh, mua của Shopee VN"
NAMES = {"Hằng Hạ": "person", "Xóm Lò": "address", "Rồng Xanh": "company"}


@pytest.fixture
def tagger_resource(model_resource: Any) -> Callable[..., dict[str, Any]]:
    def make(language: str = "vi", **changes: Any) -> dict[str, Any]:
        resource: dict[str, Any] = model_resource(
            f"company-normalizer-{language}",
            **{
                "model_type": "company_normalizer",
                "task": "token-classification",
                "language": language,
                "revision": REVISION,
                "spec": {"labels": [{"id": kind, "en": kind, "vi": kind} for kind in KINDS]},
                **changes,
            },
        )
        return resource

    return make


def tag(request: httpx.Request, names: dict[str, str], **changes: Any) -> httpx.Response:
    """Answer as a predictor does: every one of these names that stands in a text, once."""
    asked = json.loads(request.content)
    found = []
    for text in asked["inputs"][0]["data"]:
        places = [(text.index(name), len(name), kind) for name, kind in names.items() if name in text]
        spans = [{"start": s, "end": s + n, "label": kind, "score": 0.9} for s, n, kind in sorted(places)]
        found.append(json.dumps(spans))
    n = len(found)
    return httpx.Response(
        200,
        json={
            "model_name": request.url.path.split("/")[3],
            "id": asked["id"],
            "parameters": {"model_revision": REVISION},
            "outputs": [
                {"name": "spans", "shape": [n], "datatype": "BYTES", "data": found},
                {"name": "tokens", "shape": [n], "datatype": "INT64", "data": [9] * n},
                {"name": "truncated", "shape": [n], "datatype": "BOOL", "data": [False] * n},
            ],
            **changes,
        },
    )


def is_tagger(request: httpx.Request) -> bool:
    return "company-normalizer" in request.url.path


@pytest.fixture
def names(predictor: Any) -> dict[str, str]:
    """The names that the model knows; a test may change them."""
    known = dict(NAMES)

    def answer(request: httpx.Request) -> httpx.Response:
        if is_tagger(request):
            return tag(request, known)
        return httpx.Response(200, json=predictor.body(request))

    predictor.answer = answer
    return known


@pytest.fixture
async def gateway(run_gateway: Any, model_resource: Any, tagger_resource: Any, names: Any) -> Any:
    async with run_gateway(resources=[model_resource(), tagger_resource()]) as opened:
        yield opened


async def normalize(gateway: Any, bearer: Any, text: str = SENTENCE, **body: Any) -> dict[str, Any]:
    response = await gateway.public.post("/normalize", json={"text": text, **body}, headers=bearer("dpo"))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


BY_RULES = "Chị Hằng Hạ ở Xóm Lò làm cho Rồng Xanh, mua của [COMPANY]"


async def test_it_adds_what_the_rules_do_not_know(gateway: Any, bearer: Any) -> None:
    answer = await normalize(gateway, bearer, normalize_locations=True)
    assert answer["normalized_text"] == "Chị Hằng Hạ ở [ADDRESS] làm cho [COMPANY], mua của [COMPANY]"
    assert [(span["text"], span["source"]) for span in answer["spans"]] == [
        ("Xóm Lò", "model"),
        ("Rồng Xanh", "model"),
        ("Shopee VN", "registry"),
    ]
    assert answer["detected_companies"] == ["Rồng Xanh", "Shopee VN"]
    assert (answer["model_revision"], answer["truncated"]) == (REVISION, False)


@pytest.mark.parametrize(
    ("asked", "replaced"),
    [
        ({"normalize_companies": False}, []),
        ({}, ["Rồng Xanh", "Shopee VN"]),
        ({"normalize_companies": False, "normalize_locations": True}, ["Xóm Lò"]),
    ],
)
async def test_only_the_kinds_that_are_asked_for(
    gateway: Any, bearer: Any, asked: Any, replaced: Any
) -> None:
    answer = await normalize(gateway, bearer, **asked)
    assert [span["text"] for span in answer["spans"]] == replaced


async def test_it_sees_the_text_as_it_was_sent_and_only_if_something_is_to_be_replaced(
    gateway: Any, bearer: Any
) -> None:
    await normalize(gateway, bearer, normalize_companies=False)
    assert gateway.predictor.texts == []
    await normalize(gateway, bearer, "  Rồng   Xanh\u0301 ")
    assert gateway.predictor.texts == ["  Rồng   Xanh\u0301 "]


async def test_a_registered_company_is_not_read_as_something_else(
    gateway: Any, bearer: Any, names: Any
) -> None:
    names.clear()
    names["của Shopee"] = "person"
    answer = await normalize(gateway, bearer, normalize_persons=True)
    assert "[PERSON]" not in answer["normalized_text"].split("mua")[1]
    assert answer["detected_companies"] == ["Shopee VN"]


@pytest.mark.parametrize(("language", "asked"), [("vi", True), ("en", False), ("nonsense", False)])
async def test_it_is_the_model_of_the_texts_language(
    gateway: Any, bearer: Any, language: Any, asked: Any
) -> None:
    answer = await normalize(gateway, bearer, language=language)
    assert (answer["model_revision"] == REVISION) == asked


def no_answer(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody there")


@pytest.mark.parametrize(
    "answer",
    [
        no_answer,
        lambda _: httpx.Response(503, headers={"Retry-After": "1"}),
        lambda _: httpx.Response(500, text=SENTENCE),
        lambda _: httpx.Response(200, text="not JSON"),
        lambda request: tag(request, {}, model_name="another"),
        lambda request: tag(request, {"Rồng Xanh": "planet"}),
        lambda request: tag(request, {}, outputs=[]),
        *(
            lambda request, said=said: tag(
                request,
                {},
                outputs=[
                    {"name": "spans", "shape": [1], "datatype": "BYTES", "data": [said]},
                    {"name": "truncated", "shape": [1], "datatype": "BOOL", "data": [False]},
                ],
            )
            for said in (
                7,
                "{}",
                "nothing",
                "[1]",
                "[" * 100_000,
                '[{"start": 0, "end": 3, "label": []}]',
                '[{"start": 0, "end": 0, "label": "company"}]',
                '[{"start": -1, "end": 2, "label": "company"}]',
                '[{"start": 0, "end": 9999, "label": "company"}]',
                '[{"start": true, "end": 2, "label": "company"}]',
                '[{"start": 4, "end": 8, "label": "company"}, {"start": 7, "end": 9, "label": "company"}]',
            )
        ),
    ],
)
async def test_a_model_that_is_away_or_wrong_leaves_it_to_the_rules(
    gateway: Any, bearer: Any, answer: Any
) -> None:
    gateway.predictor.answer = answer
    found = await normalize(gateway, bearer)
    assert found["normalized_text"] == BY_RULES
    assert found["model_revision"] is None


@pytest.mark.parametrize(
    "changes", [{"servable": False}, {"task": "text-classification"}, {"model_type": "other"}]
)
async def test_a_model_that_cannot_be_asked_is_not(
    run_gateway: Any, tagger_resource: Any, bearer: Any, names: Any, changes: Any
) -> None:
    async with run_gateway(resources=[tagger_resource(**changes)]) as gateway:
        found = await normalize(gateway, bearer)
    assert (found["normalized_text"], found["model_revision"]) == (BY_RULES, None)
    assert gateway.predictor.asked == []


async def test_a_slow_model_is_not_waited_for(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    gateway.predictor.answer = never
    gateway_patience(monkeypatch, 0.1)
    for _ in range(5):
        started = time.monotonic()
        assert (await normalize(gateway, bearer))["model_revision"] is None
        assert time.monotonic() - started < 1.0
    asked = len(gateway.predictor.asked)
    assert (await normalize(gateway, bearer))["normalized_text"] == BY_RULES
    assert len(gateway.predictor.asked) == asked  # held back: the others are not slowed any more


def gateway_patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    original = tagging.Tagger.tag

    async def tag_in_time(self: tagging.Tagger, *arguments: Any) -> Any:
        self._patience = seconds
        return await original(self, *arguments)

    monkeypatch.setattr(tagging.Tagger, "tag", tag_in_time)


def test_two_seconds() -> None:
    assert tagging.PATIENCE == 2.0


async def test_a_classification_does_not_ask_it(gateway: Any, bearer: Any) -> None:
    answer = (await gateway.classify(SENTENCE, bearer())).json()
    assert answer["normalized_text"] == BY_RULES
    assert not any(map(is_tagger, gateway.predictor.asked))


async def test_a_classification_asks_it_where_the_installation_says_so(
    run_gateway: Any, model_resource: Any, tagger_resource: Any, bearer: Any, names: Any
) -> None:
    resources = [model_resource(), tagger_resource()]
    async with run_gateway(resources=resources, tag_questions=True) as gateway:
        answer = (await gateway.classify(SENTENCE, bearer())).json()
        assert answer["normalized_text"] == "Chị Hằng Hạ ở Xóm Lò làm cho [COMPANY], mua của [COMPANY]"
        assert answer["detected_companies"] == ["Rồng Xanh", "Shopee VN"]
        assert (await gateway.classify(SENTENCE, bearer())).json()["cached"] is True
        gateway.source.resources = [model_resource(), tagger_resource(servable=False)]
        alone = (await gateway.classify(SENTENCE, bearer())).json()
    assert (alone["normalized_text"], alone["cached"]) == (BY_RULES, False)


async def test_another_revision_of_it_makes_other_cache_keys(
    run_gateway: Any, model_resource: Any, tagger_resource: Any, bearer: Any, predictor: Any
) -> None:
    revision = REVISION

    def answer(request: httpx.Request) -> httpx.Response:
        if is_tagger(request):
            return tag(request, {}, parameters={"model_revision": revision})
        return httpx.Response(200, json=predictor.body(request))

    predictor.answer = answer
    async with run_gateway(resources=[model_resource(), tagger_resource()], tag_questions=True) as gateway:

        async def cached() -> bool:
            return bool((await gateway.classify("a", bearer())).json()["cached"])

        assert [await cached(), await cached()] == [False, True]
        revision = "8" * 64
        assert not await cached()


async def test_a_batch_asks_for_all_its_texts_together_and_once_each(
    run_gateway: Any, model_resource: Any, tagger_resource: Any, bearer: Any, names: Any
) -> None:
    resources = [model_resource(), tagger_resource()]
    texts = [f"Rồng Xanh {i % 40}" for i in range(80)]
    async with run_gateway(resources=resources, tag_questions=True) as gateway:
        response = await gateway.public.post("/batch-classify", json={"texts": texts}, headers=bearer())
        sizes = [
            len(batch)
            for request, batch in zip(gateway.predictor.asked, gateway.predictor.batches, strict=True)
            if is_tagger(request)
        ]
    results = response.json()["results"]
    assert [one["normalized_text"] for one in results] == [f"[COMPANY] {i % 40}" for i in range(80)]
    assert sizes == [32, 8]
