"""Spans are counted in the text exactly as it was sent, whatever a tokenizer made of it on the way.

The tokenizers are those of the demonstration models: fastBPE as it is, sentencepiece with its map of
characters, WordPiece that drops accents and capitals. Tags are looked up by token id, so that the expected
spans are known.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_predictor.computing import spans
from veriaidpo_predictor.tokenising import tokenise, tokenise_kind
from veriaidpo_predictor.tokenising.composed import compose

KINDS = {"principles-vi": "phobert-bpe", "legal-basis-vi": "sentencepiece", "principles-en": "wordpiece"}
TAG_OF = {
    "Hòa": "B-company", "Phát": "I-company", "Shopee": "B-company", "VN": "I-company",
    "Nguyễn": "B-person", "Lan": "I-person",
    "Quận": "B-address", "Bình": "I-address", "Thạnh": "I-address",
}  # fmt: skip
TAGS = ("O", *sorted(set(TAG_OF.values())))
TEXTS = [
    "«company:Hòa Phát» lưu giữ dữ liệu của «person:Nguyễn Lan», «address:Quận Bình Thạnh».",
    "dữ liệu «company:Shopee VN», («company:Hòa Phát» của khách hàng)",
    "🙂 👩\u200d👩\u200d👧 «company:Hòa Phát» 🇻🇳 của   ty\t\u00a0«person:Nguyễn Lan»\n«address:Quận Bình»",
    "ﬁ ① «company:Shopee  VN» ½ Ａ «person:Nguyễn\nLan» … ﷺ «address:Quận Bình» ☃",
    "  \ufeff «company:Hòa Phát» «company:Shopee» «company:Hòa» «person:Nguyễn» e\u0301e\u0301 \u0301x",
    "«company:Hòa \u200b Phát» x\u00ady \u200b«company:Shopee VN»\u200b ký\u200btự \x00 a",
    "한국어 각 «company:Hòa Phát» 数据 保護 ｶﾞ «person:Nguyễn Lan»",
    "khách hàng của công ty",
]


def parsed(marked: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Take «label:words» apart into the text and the spans in it."""
    text, expected = "", []
    for part in re.split(r"(«[^»]*»)", marked):
        label, colon, words = part.strip("«»").partition(":")
        if part.startswith("«") and colon:
            expected.append((len(text), len(text) + len(words), label))
            text += words
        else:
            text += part
    return text, expected


@dataclass(frozen=True)
class Tagger:
    """A tokeniser, and the tag of each token id."""

    tokeniser: tokenise.Tokeniser
    table: dict[int, str]

    def find(self, text: str) -> list[tuple[int, int, str]]:
        (encoded,) = self.tokeniser.encode_with_places([text])
        chosen = [TAGS.index(self.table.get(one, "O")) for one in encoded.ids]
        scores = np.eye(len(TAGS), dtype=np.float32)[chosen]
        return [(one.start, one.end, one.label) for one in spans.find(text, encoded.places, scores, TAGS)]


def table_of(tokeniser: tokenise.Tokeniser) -> dict[int, str]:
    """The ids with which the words begin, alone, before a comma and after a bracket."""
    table: dict[int, str] = {}
    bracket = len(tokeniser.encode(["("])[0].ids) - 1
    plain = {word: "".join(c for c in unicodedata.normalize("NFD", word) if c < "\u0300") for word in TAG_OF}
    for word, tag in TAG_OF.items():
        forms = [word, word + ",", plain[word]]
        heads = [one.ids[1] for one in tokeniser.encode(forms)]
        if tag.startswith("B-"):
            heads.append(tokeniser.encode(["(" + word])[0].ids[bracket])
        for head in heads:
            assert table.setdefault(head, tag) == tag
    return table


@pytest.fixture(params=KINDS, scope="module")
def tagger(request: Any, demo_models: Path) -> Tagger:
    directory = demo_models / request.param
    kind = tokenise_kind.kind_of({path.name for path in directory.iterdir()})
    assert kind == KINDS[request.param]
    tokeniser = tokenise.build(directory, kind, max_tokens=256)
    return Tagger(tokeniser, table_of(tokeniser))


FORMS: dict[str, Callable[[str], str]] = {
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "without diacritics": lambda text: "".join(
        char for char in unicodedata.normalize("NFD", text) if not "\u0300" <= char < "\u0370"
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("marked", TEXTS)
def test_the_spans_that_were_written_are_found(tagger: Tagger, marked: str, form: str) -> None:
    text, expected = parsed(FORMS[form](marked))
    assert tagger.find(text) == expected


ENTITIES = st.sampled_from(
    ["«company:Hòa Phát»", "«company:Shopee»", "«person:Nguyễn Lan»", "«address:Quận Bình Thạnh»"]
)
REST = st.sampled_from(
    [
        "dữ",
        "liệu",
        "khách hàng",
        "của",
        "🙂",
        "👩‍👩‍👧",
        "ﬁ①½",
        "x\u00ady",
        "\u200b",
        "12",
        "数据",
        "...",
        "e\u0301\u0323",
        "각",
    ]
)
SPACES = st.sampled_from([" ", "  ", "\t", "\n", "\u00a0", " \ufeff "])


@given(
    st.lists(st.tuples(st.one_of(ENTITIES, REST), SPACES), max_size=20),
    st.sampled_from(sorted(FORMS)),
)
def test_wherever_they_stand(tagger: Tagger, parts: list[tuple[str, str]], form: str) -> None:
    text, expected = parsed(FORMS[form]("".join(part + space for part, space in parts)))
    assert tagger.find(text) == expected


ANY = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aễđ \n\u0301\u0323\u200dㅎ각ﬁ🙂"))
)


@given(ANY)
def test_places_lie_in_the_text_and_do_not_go_back(tagger: Tagger, text: str) -> None:
    (encoded,) = tagger.tokeniser.encode_with_places([text])
    assert len(encoded.places) == len(encoded.ids)
    assert encoded.places[0] == encoded.places[-1] == (0, 0)
    inner = encoded.places[1:-1]
    assert all(0 <= start <= end <= len(text) for start, end in inner)
    assert [start for start, _ in inner] == sorted(start for start, _ in inner)


@given(ANY)
def test_the_ids_are_those_of_the_composed_text(tagger: Tagger, text: str) -> None:
    (encoded,) = tagger.tokeniser.encode_with_places([text])
    (plain,) = tagger.tokeniser.encode([compose(text).text])
    assert (encoded.ids, encoded.truncated) == (plain.ids, plain.truncated)


def test_what_truncation_cuts_off_has_no_place(tagger: Tagger) -> None:
    text = "dữ liệu khách hàng " * 200 + "Hòa Phát"
    (encoded,) = tagger.tokeniser.encode_with_places([text])
    assert (len(encoded.ids), encoded.truncated) == (256, True)
    assert max(end for _, end in encoded.places) < len(text) / 2
    assert tagger.find("Hòa Phát " + text) == [(0, 8, "company")]


@given(ANY)
def test_composing_is_nfc_and_knows_the_way_back(text: str) -> None:
    found = compose(text)
    if found.places is None:
        assert found.text == text
        return
    assert found.text == unicodedata.normalize("NFC", text)
    for at, char in enumerate(found.text):
        start, end = found.back(at, at + 1)
        assert char in unicodedata.normalize("NFC", text[start:end])
    assert found.back(0, len(found.text)) == (0, len(text))


def test_vietnamese_and_korean_are_composed_letter_by_letter() -> None:
    found = compose(unicodedata.normalize("NFD", "Hòa 각 Phát"))
    assert found.text == "Hòa 각 Phát"
    assert [found.back(at, at + 1) for at in (1, 2, 4)] == [(1, 3), (3, 4), (5, 8)]
    assert found.back(2, 2) == (2, 2)
