"""Which bodies are accepted, and what is said about the others without repeating them."""

import json
import sys
import unicodedata
from typing import Any

import pytest

from veriaidpo_gateway.normalisation import texts

SECRET_WORD = "Bí-mật-1998"


async def post(gateway: Any, bearer: Any, content: Any, **headers: Any) -> Any:
    all_headers = {"Content-Type": "application/json", **bearer(), **headers}
    return await gateway.public.post("/classify", content=content, headers=all_headers)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"null", None),
        (b"[]", None),
        (b'"text"', None),
        (b"{}", "text"),
        (b'{"text": null}', "text"),
        (b'{"text": 7}', "text"),
        (b'{"text": ["a"]}', "text"),
        (b'{"text": ""}', "text"),
        (b'{"text": "   \\n "}', "text"),
        ('{"text": "\u200b\u200b"}'.encode(), "text"),
        (b'{"text": "a", "text": "b"}', None),
        (b'{"text": "a", "model_type": 1}', "model_type"),
        (b'{"text": "a", "model_type": null}', "model_type"),
        (b'{"text": "a", "include_metadata": "yes"}', "include_metadata"),
        (b'{"text": "a", "include_metadata": 1}', "include_metadata"),
        (b'{"text": "a", "unheard_of": 1}', None),
        (b'{"text": "a", "include_metadata": NaN}', None),
        (b'{"text": "a", "x": ' + b"[" * 30_000, None),
        (b'{"text": "a", "x": ' + b"9" * 10_000 + b"}", None),
        ('{"text": "a"}'.encode("utf-16"), None),
        (b'\xef\xbb\xbf{"text": "a"}', None),
        (b'{"text": "\\ud800"}', "text"),
        (b'{"text": "a\\u0000b"}', "text"),
        ('{"text": "a\u202eb"}'.encode(), "text"),
        ('{"text": "a\u2066b"}'.encode(), "text"),
        (("{" + '"text": "a' + "\u0301" * 4 + '"}').encode(), "text"),
    ],
)
async def test_what_is_not_right_is_a_422_that_names_the_field(
    gateway: Any, bearer: Any, content: Any, field: Any
) -> None:
    answer = await post(gateway, bearer, content)
    assert answer.status_code == 422
    assert answer.json()["detail"]["code"] == "invalid_request"
    (problem,) = answer.json()["detail"]["fields"]
    assert problem["field"] == field
    assert problem["problem"]
    assert problem["problem_vi"]


@pytest.mark.parametrize(
    "body",
    [
        {"text": [SECRET_WORD]},
        {SECRET_WORD: 1},
        {"text": "a", "model_type": SECRET_WORD * 20},
        {"text": "a", "model_type": SECRET_WORD},
        {"text": "a", "language": SECRET_WORD},
        {"text": SECRET_WORD + "\u0000"},
        {"text": SECRET_WORD * 400},
        {"text": "a", "include_metadata": SECRET_WORD},
    ],
)
async def test_no_error_repeats_what_was_sent(gateway: Any, bearer: Any, body: Any) -> None:
    answer = await gateway.public.post("/classify", json=body, headers=bearer())
    assert answer.status_code in (400, 413, 422)
    assert SECRET_WORD not in json.dumps(answer.json(), ensure_ascii=False)


async def test_three_marks_in_a_row_are_still_a_text(gateway: Any, bearer: Any) -> None:
    assert (await gateway.classify("a" + "\u0301" * 3, bearer())).status_code == 200


@pytest.mark.parametrize(("length", "status"), [(4_000, 200), (4_001, 413)])
async def test_a_text_may_have_four_thousand_code_points(
    gateway: Any, bearer: Any, length: Any, status: Any
) -> None:
    answer = await gateway.classify("ă" * length, bearer())
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["detail"]["code"] == "text_too_long"
        assert answer.json()["detail"]["max_characters"] == 4_000


async def test_a_body_over_64_kib_is_refused_by_its_length(gateway: Any, bearer: Any) -> None:
    answer = await post(gateway, bearer, b" " * (64 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["detail"] == {
        "code": "body_too_large",
        "error": "The request body is larger than 65536 bytes",
        "error_vi": "Nội dung yêu cầu lớn hơn 65536 byte",
        "max_bytes": 65_536,
    }
    assert answer.headers["Connection"] == "close"


async def test_a_body_over_64_kib_is_refused_while_it_is_read(gateway: Any, bearer: Any) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024
            assert sent < 10_000_000

    answer = await post(gateway, bearer, endless())
    assert answer.status_code == 413


async def test_a_body_of_exactly_64_kib_is_read(gateway: Any, bearer: Any) -> None:
    body = json.dumps({"text": "a"}).encode().ljust(64 * 1024)
    assert (await post(gateway, bearer, body)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
)
async def test_only_plain_json_is_read(gateway: Any, bearer: Any, headers: Any) -> None:
    answer = await post(gateway, bearer, b'{"text": "a"}', **headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
async def test_json_may_name_its_charset(gateway: Any, bearer: Any, kind: Any) -> None:
    assert (await post(gateway, bearer, b'{"text": "a"}', **{"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "listed"),
    [
        ({"model_type": "nonsense"}, "unknown_model_type", {"available_model_types": ["principles"]}),
        ({"model_type": "../../etc"}, "unknown_model_type", {"available_model_types": ["principles"]}),
        ({"model_type": "Principles"}, "unknown_model_type", {"available_model_types": ["principles"]}),
        ({"language": "fr"}, "unknown_language", {"available_languages": ["vi"]}),
        ({"language": "VI"}, "unknown_language", {"available_languages": ["vi"]}),
        ({"language": ""}, "unknown_language", {"available_languages": ["vi"]}),
    ],
)
async def test_an_unknown_type_or_language_is_a_400_with_those_there_are(
    gateway: Any, bearer: Any, body: Any, code: Any, listed: Any
) -> None:
    answer = await gateway.classify("a", bearer(), **body)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert detail["code"] == code
    assert {name: detail[name] for name in listed} == listed


async def test_a_model_that_marks_spans_does_not_classify(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    resources = [
        model_resource(),
        model_resource("company-normalizer-vi", model_type="company_normalizer", task="token-classification"),
    ]
    async with run_gateway(resources=resources) as gateway:
        answer = await gateway.classify("a", bearer(), model_type="company_normalizer")
    assert answer.status_code == 400
    assert answer.json()["detail"]["code"] == "not_a_classifier"
    assert answer.json()["detail"]["available_model_types"] == ["principles"]


def test_every_mark_is_looked_at() -> None:
    """Texts without what may be a mark are not counted through: none may be missing there."""
    marks = [chr(i) for i in range(sys.maxunicode + 1) if unicodedata.combining(chr(i))]
    assert all(texts._MAYBE_MARKS.search(mark) for mark in marks)
    assert texts._MAYBE_MARKS.search("Đạ dề: “thu thập” – ₫") is None
