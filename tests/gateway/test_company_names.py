"""Company names become [COMPANY]: golden sentences, every way of writing them, and how long it takes."""

import re
import time
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.companies import Company, Registry, read_companies, shipped_companies
from veriaidpo_gateway.normalisation.folding import fold
from veriaidpo_gateway.normalisation.legal_forms import load_legal_forms
from veriaidpo_gateway.normalisation.normalise import Normaliser

_FILE = tomllib.loads((Path(__file__).parent / "company_cases.toml").read_text(encoding="utf-8"))
CASES = {way: [case for group in groups.values() for case in group] for way, groups in _FILE.items()}
GOLDEN = [case for cases in CASES.values() for case in cases]
NORMALISER = Normaliser(Registry(shipped_companies()), load_legal_forms())

_MARKED = re.compile("⟦(.*?)⟧", re.DOTALL)


def nfc(text: Any) -> Any:
    return unicodedata.normalize("NFC", text)


def without_marks(text: Any) -> Any:
    stripped = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return stripped.replace("đ", "d").replace("Đ", "D")


def check(case: str) -> None:
    """Let the program mark a case, and compare."""
    text = _MARKED.sub(r"\1", case)
    found = NORMALISER(text)
    marked, last = "", 0
    for span in found.companies:
        marked += f"{text[last : span.start]}⟦{text[span.start : span.end]}⟧"
        last = span.end
    assert nfc(marked + text[last:]) == nfc(case)
    assert found.text == texts.canonical(_MARKED.sub("[COMPANY]", case))


def test_there_are_enough_cases() -> None:
    assert len(set(GOLDEN)) == len(GOLDEN) >= 300


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case[:40])
def test_golden_sentences(case: Any, form: Any) -> None:
    check(unicodedata.normalize(form, case))


@pytest.mark.parametrize(
    "write", [str.upper, str.lower, without_marks], ids=["capitals", "small", "no marks"]
)
@pytest.mark.parametrize("case", CASES["however_written"], ids=lambda case: case[:40])
def test_however_a_known_name_is_written(case: Any, write: Any) -> None:
    check(write(case))


@pytest.mark.parametrize("company", shipped_companies(), ids=lambda company: company.name[:40])
def test_every_shipped_name_and_alias_is_found_whole(company: Any) -> None:
    for name in (company.name, *company.aliases, *company.exact):
        for form in ("NFC", "NFD"):
            text = unicodedata.normalize(form, f"vì {name} lưu")
            assert NORMALISER(text).text == "vì [COMPANY] lưu", name


def test_the_shipped_list_is_large_and_clean() -> None:
    companies = shipped_companies()
    names = [fold(company.name).text for company in companies]
    assert len(companies) >= 150
    assert len(names) == len(set(names))
    for company in companies:
        assert company.industry
        assert company.region in {"north", "central", "south"}
        assert all(len(alias) >= 3 for alias in company.aliases + company.exact)
        assert re.fullmatch("[A-Z][A-Z0-9]{2}|", company.ticker)
        assert company.ticker_verified == bool(company.ticker)
    tickers = [company.ticker for company in companies if company.ticker]
    assert len(tickers) == len(set(tickers)) >= 100


def test_a_list_can_be_read_back() -> None:
    head = "name,industry,region,aliases,exact,ticker,ticker_verified"
    text = f"{head}\nCông ty A,food,north,Một A|Hai A,,AAA,true\n"
    assert read_companies(text) == (
        Company("Công ty A", "food", "north", ("Một A", "Hai A"), (), "AAA", ticker_verified=True),
    )


def test_the_longest_name_wins_wherever_it_begins() -> None:
    registry = Registry([Company("An Phú", "", ""), Company("Phú Mỹ Hưng Yên", "", "")])
    found = Normaliser(registry, load_legal_forms())("ở An Phú Mỹ Hưng Yên nay")
    assert found.company_names == ["Phú Mỹ Hưng Yên"]


def test_a_registry_may_be_empty() -> None:
    assert Normaliser(Registry([]), load_legal_forms())("Shopee").text == "Shopee"


def test_a_hundred_thousand_names_cost_no_more_than_a_few() -> None:
    many = [Company(f"Hãng Thử Nghiệm {i}", "", "", (f"HTN{i} Việt",)) for i in range(50_000)]
    normaliser = Normaliser(Registry([*shipped_companies(), *many]), load_legal_forms())
    sentence = "Shopee VN và Hãng Thử Nghiệm 4711 thu thập email khách hàng của Công ty TNHH Minh Anh"
    assert normaliser(sentence).text == "[COMPANY] và [COMPANY] thu thập email khách hàng của [COMPANY]"
    assert best_of(50, lambda: normaliser(sentence)) < 0.001


PIECES = [
    "công ty ",
    "Công ty TNHH A ",
    "JSC ",
    "A ",
    "Shopee ",
    "và ",
    "Công ty TNHH Thương mại và ",
    "a\u0301",
    "Co., Ltd ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_no_faster_than_the_text(piece: Any) -> None:
    def cost(length: Any) -> Any:
        text = (piece * length)[:length]
        return best_of(5, lambda: NORMALISER(text))

    # Three times four would be linear; nine times sixteen quadratic.
    assert cost(4_000) < 10 * cost(1_000) + 0.002
    assert cost(4_000) < 0.05


def best_of(times: Any, call: Any) -> Any:
    """Give the least seconds of this thread's own time: what else the machine does is not the text's cost."""
    taken = []
    for _ in range(times):
        started = time.thread_time()
        call()
        taken.append(time.thread_time() - started)
    return min(taken)


WORDS = st.sampled_from(
    [
        "Công ty",
        "TNHH",
        "Cổ phần",
        "và",
        "Shopee",
        "Việt Nam",
        "tiki",
        "Ltd",
        "Co.,",
        "Tập đoàn",
        "[COMPANY]",
        "-",
        "&",
        "\u0301",
        "a",
        "“",
        ".",
        "\n",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS | st.text(max_size=4), max_size=30).map(" ".join))
def test_whatever_comes_in_places_are_in_order_and_the_rest_is_kept(text: Any) -> None:
    try:
        texts.check(text)
    except GatewayError:
        return
    found = NORMALISER(text)
    last = 0
    rest = []
    for span in found.companies:
        assert last <= span.start < span.end <= len(text)
        rest.append(text[last : span.start])
        last = span.end
    rest.append(text[last:])
    assert found.text == texts.canonical("[COMPANY]".join(rest))
    assert unicodedata.is_normalized("NFC", found.text)
