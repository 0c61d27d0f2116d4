"""POST /normalize: companies, persons and addresses replaced, and where they stood."""

import time
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.http import normalising
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.addresses import load_addresses
from veriaidpo_gateway.normalisation.anonymise import Anonymised, Anonymiser, anonymise
from veriaidpo_gateway.normalisation.companies import Registry, shipped_companies
from veriaidpo_gateway.normalisation.legal_forms import load_legal_forms
from veriaidpo_gateway.normalisation.normalise import Normaliser
from veriaidpo_gateway.normalisation.persons import load_persons
from veriaidpo_gateway.normalisation.spans import Kind

CASES = tomllib.loads((Path(__file__).parent / "anonymous_cases.toml").read_text(encoding="utf-8"))["cases"]
NORMALISER = Normaliser(Registry(shipped_companies()), load_legal_forms())
ANONYMISER = Anonymiser(load_persons(), load_addresses())
ALL = frozenset(Kind)
SENTENCE = "Ông Nguyễn Văn An mua hàng của Shopee VN, giao đến 12 đường Lê Lợi, quận 1"


def by_rules(text: str, kinds: Any = ALL) -> Anonymised:
    return anonymise(text, ANONYMISER.find(text, NORMALISER, kinds), kinds)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(("text", "expected"), CASES.items(), ids=[text[:40] for text in CASES])
def test_golden_sentences(text: Any, expected: Any, form: Any) -> None:
    found = by_rules(unicodedata.normalize(form, text))
    assert found.text == unicodedata.normalize("NFC", expected)


def test_what_is_one_thing_is_never_read_as_another_asked_for_or_not() -> None:
    text = "Công ty TNHH Nguyễn Minh ở đường Lê Lợi"
    assert by_rules(text, {Kind.PERSON}).text == text


async def normalize(gateway: Any, headers: dict[str, str], **body: Any) -> httpx.Response:
    answer = await gateway.public.post("/normalize", json=body, headers=headers)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_every_documented_field_is_there(gateway: Any, bearer: Any) -> None:
    body = {"text": SENTENCE, "normalize_persons": True, "normalize_locations": True}
    answer = (await normalize(gateway, bearer("dpo"), **body)).json()
    assert answer.pop("processing_time_ms") >= 0
    assert answer == {
        "original_text": SENTENCE,
        "normalized_text": "Ông [PERSON] mua hàng của [COMPANY], giao đến [ADDRESS]",
        "detected_companies": ["Shopee VN"],
        "normalization_count": 3,
        "spans": [
            {
                "type": "PERSON",
                "start": 4,
                "end": 17,
                "text": "Nguyễn Văn An",
                "replacement": "[PERSON]",
                "source": "rule",
            },
            {
                "type": "COMPANY",
                "start": 31,
                "end": 40,
                "text": "Shopee VN",
                "replacement": "[COMPANY]",
                "source": "registry",
            },
            {
                "type": "ADDRESS",
                "start": 51,
                "end": 74,
                "text": "12 đường Lê Lợi, quận 1",
                "replacement": "[ADDRESS]",
                "source": "rule",
            },
        ],
        "model_revision": None,
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "Ông Nguyễn Văn An mua hàng của [COMPANY], giao đến 12 đường Lê Lợi, quận 1"),
        ({"normalize_companies": False}, SENTENCE),
        (
            {"normalize_companies": False, "normalize_persons": True},
            "Ông [PERSON] mua hàng của Shopee VN, giao đến 12 đường Lê Lợi, quận 1",
        ),
        (
            {"normalize_locations": True},
            "Ông Nguyễn Văn An mua hàng của [COMPANY], giao đến [ADDRESS]",
        ),
    ],
)
async def test_only_what_is_asked_for_is_replaced(
    gateway: Any, bearer: Any, asked: Any, expected: Any
) -> None:
    answer = (await normalize(gateway, bearer("dpo"), text=SENTENCE, **asked)).json()
    assert answer["normalized_text"] == expected
    assert answer["normalization_count"] == len(answer["spans"]) == expected.count("[")
    assert ("Shopee VN" in answer["detected_companies"]) == ("[COMPANY]" in expected)


async def test_companies_alone_give_the_text_that_models_see(gateway: Any, bearer: Any) -> None:
    normalised = (await normalize(gateway, bearer("dpo"), text=SENTENCE)).json()["normalized_text"]
    classified = (await gateway.classify(SENTENCE, bearer("dpo"))).json()["normalized_text"]
    assert normalised == classified


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_offsets_are_of_the_text_as_it_was_sent(gateway: Any, bearer: Any, form: Any) -> None:
    text = unicodedata.normalize(form, "  " + SENTENCE)
    body = {"text": text, "normalize_persons": True, "normalize_locations": True}
    spans = (await normalize(gateway, bearer("dpo"), **body)).json()["spans"]
    assert len(spans) == 3
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("viewer", 403),
        ("staff", 403),
        ("auditor", 403),
        ("dpo", 200),
        ("compliance_manager", 200),
        ("admin", 200),
    ],
)
async def test_who_may(gateway: Any, bearer: Any, role: Any, status: Any) -> None:
    answer = await normalize(gateway, bearer(role), text="a")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["detail"]["required_permission"] == "data_category.write"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": " "}, 422),
        ({"text": "a\x00"}, 422),
        ({"text": "a", "normalize_persons": 1}, 422),
        ({"text": "a", "more": True}, 422),
        ({"text": "a" * 4001}, 413),
        ({"text": "a" * 70_000}, 413),
    ],
)
async def test_a_body_that_is_wrong(gateway: Any, bearer: Any, body: Any, status: Any) -> None:
    assert (await normalize(gateway, bearer("dpo"), **body)).status_code == status


async def test_it_needs_no_model(gateway: Any, bearer: Any) -> None:
    gateway.source.resources = None
    assert (await normalize(gateway, bearer("dpo"), text="a")).status_code == 200


async def test_past_its_deadline_it_is_a_504_that_names_it(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normalising, "DEADLINE", 0.05)
    monkeypatch.setattr(Anonymiser, "find", lambda *_: time.sleep(0.3))
    answer = await normalize(gateway, bearer("dpo"), text="a")
    assert (answer.status_code, answer.json()["detail"]["code"]) == (504, "deadline_exceeded")


def test_fifteen_seconds() -> None:
    assert normalising.DEADLINE == 15.0


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_under_every_base(gateway: Any, bearer: Any, base: Any) -> None:
    answer = await gateway.public.post(f"{base}/normalize", json={"text": "Tiki"}, headers=bearer("dpo"))
    assert answer.json()["normalized_text"] == "[COMPANY]"


PIECES = [
    "Ông ",
    "Nguyễn ",
    "Nguyễn Văn An ",
    "12 ",
    "12/",
    "số nhà 5 ",
    "đường Lê ",
    "quận ",
    "Q.1, ",
    "A, ",
    "A - ",
    "phường A, B, ",
    "a\u0301",
    "tỉnh Bà Rịa - ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_no_faster_than_the_text(piece: Any) -> None:
    def cost(length: int) -> float:
        text, taken = (piece * length)[:length], []
        for _ in range(5):
            started = time.process_time()
            by_rules(text)
            taken.append(time.process_time() - started)
        return min(taken)

    # Four times the text: linear would be four, quadratic sixteen.
    assert cost(4_000) < 10 * cost(1_000) + 0.005
    assert cost(4_000) < 0.25


WORDS = st.sampled_from(
    [
        "Ông",
        "Bà",
        "Anh",
        "Nguyễn",
        "Văn",
        "Trần Thị An",
        "đường",
        "Phường",
        "quận",
        "tỉnh",
        "Lê Lợi",
        "Hà Nội",
        "12",
        "3/4",
        "Q.1",
        ",",
        "-",
        "Shopee",
        "Công ty TNHH",
        "thành phố",
        "số nhà",
        "[PERSON]",
        "\u0301",
        "\n",
        ".",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS | st.text(max_size=4), max_size=30).map(" ".join))
def test_whatever_comes_stretches_are_in_order_and_the_rest_is_kept(text: str) -> None:
    try:
        texts.check(text)
    except GatewayError:
        return
    found = by_rules(text)
    rest, last = "", 0
    for one in found.marked:
        assert last <= one.place.start < one.place.end <= len(text)
        rest += text[last : one.place.start] + f"[{one.kind.value}]"
        last = one.place.end
    assert found.text == texts.canonical(rest + text[last:])
    assert unicodedata.is_normalized("NFC", found.text)
