"""From the tags of tokens to spans: repaired, joined to whole words, and always parts of the text."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_predictor.computing import spans

TAGS = ("O", "B-company", "I-company", "B-person", "I-person")
Places = list[tuple[int, int]]


def tagged(text: str, *tokens: tuple[str, str], share: float = 0.9) -> list[tuple[str, str]]:
    """Find spans in a text whose tokens, in order, were tagged so; gives what they cover and their labels."""
    places, chosen, at = [], [], 0
    for piece, tag in tokens:
        at = text.index(piece, at)
        places.append((at, at + len(piece)))
        at += len(piece)
        chosen.append(TAGS.index(tag))
    probabilities = np.full((len(tokens), len(TAGS)), (1 - share) / (len(TAGS) - 1), dtype=np.float32)
    probabilities[np.arange(len(tokens)), chosen] = share
    found = spans.find(text, places, probabilities, TAGS)
    assert all(one.score == pytest.approx(share, abs=1e-6) for one in found)
    return [(text[one.start : one.end], one.label) for one in found]


def test_a_beginning_and_its_insides_are_one_span() -> None:
    found = tagged(
        "tại Hòa Phát nay", ("tại", "O"), ("Hòa", "B-company"), ("Phát", "I-company"), ("nay", "O")
    )
    assert found == [("Hòa Phát", "company")]


def test_an_inside_without_a_beginning_begins_a_span() -> None:
    assert tagged("tại Hòa Phát", ("tại", "O"), ("Hòa", "I-company"), ("Phát", "I-company")) == [
        ("Hòa Phát", "company")
    ]


def test_another_label_ends_a_span_and_begins_one() -> None:
    assert tagged("Hòa Phát Lan", ("Hòa", "B-company"), ("Phát", "I-company"), ("Lan", "I-person")) == [
        ("Hòa Phát", "company"),
        ("Lan", "person"),
    ]


def test_a_second_beginning_begins_a_second_span() -> None:
    assert tagged("Tiki Shopee", ("Tiki", "B-company"), ("Shopee", "B-company")) == [
        ("Tiki", "company"),
        ("Shopee", "company"),
    ]


def test_a_word_has_the_tag_of_the_token_in_which_it_begins() -> None:
    assert tagged("Shopee", ("Sho", "B-company"), ("pe", "O"), ("e", "B-person")) == [("Shopee", "company")]
    assert tagged("Shopee", ("Sho", "O"), ("pee", "B-company")) == []


def test_signs_are_words_of_their_own() -> None:
    tokens = [("Hòa", "B-company"), ("Phát", "I-company"), (",", "O"), ("Lan", "B-person"), (".", "O")]
    assert tagged("Hòa Phát,Lan.", *tokens) == [("Hòa Phát", "company"), ("Lan", "person")]
    tokens = [("T", "B-company"), ("&", "I-company"), ("T", "I-company")]
    assert tagged("(T&T)", *tokens) == [("T&T", "company")]


def test_a_sign_that_shares_a_words_token_stays_outside_and_letters_do_not() -> None:
    assert tagged("VN, nay", ("V", "B-company"), ("N,", "I-company"), ("nay", "O")) == [("VN", "company")]
    assert tagged("T&T nay", ("T", "B-company"), ("&T", "I-company"), ("nay", "O")) == [("T&T", "company")]
    assert tagged("a-b", ("a-b", "B-company")) == [("a-b", "company")]


def test_what_has_no_token_neither_ends_a_span_nor_makes_one() -> None:
    assert tagged("Hòa \x00 Phát \x00", ("Hòa", "B-company"), ("Phát", "I-company")) == [
        ("Hòa \x00 Phát", "company")
    ]
    assert tagged("Hòa Phát nay", ("Hòa", "B-company")) == [("Hòa", "company")]


def test_white_space_in_a_token_is_no_part_of_a_span() -> None:
    assert tagged("tại Hòa\nPhát\n", ("tại", "O"), (" Hòa", "B-company"), ("\nPhát\n", "I-company")) == [
        ("Hòa\nPhát", "company")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hòa Phát", ["Hòa", "Phát"]),
        ("Ho\u0300a", ["Ho\u0300a"]),
        ("  a\u00a0b\u3000", ["a", "b"]),
        ("ký\u200btự\u200b \u200bx\u00ady", ["ký\u200btự", "x\u00ady"]),
        ("👩‍👩‍👧a 👍🏽!", ["👩‍👩‍👧", "a", "👍🏽", "!"]),
        ("a_1,5%", ["a_1", ",", "5", "%"]),
        ("\u0301a", ["\u0301", "a"]),
        ("\u200b \ufeff", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert [text[word.start : word.end] for word in spans.words(text)] == expected


ALPHABET = st.sampled_from("aBễđ1_ ,.&-\n\t\u00a0\u3000\u0301\u0323\u200b\u200d\u00ad🙂👩🏽\x00数ﬁ\u1161\x85")


@st.composite
def tagged_texts(draw: st.DrawFn) -> tuple[str, Places, list[list[float]]]:
    """Any text, any places in it that do not go back, special tokens around them, and any scores."""
    text = draw(st.text(ALPHABET, max_size=40))
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=30)))
    places = [(0, 0), *itertools.pairwise(edges), (0, 0)]
    row = st.lists(st.floats(0, 1, width=32), min_size=len(TAGS), max_size=len(TAGS))
    return text, places, draw(st.lists(row, min_size=len(places), max_size=len(places)))


@given(tagged_texts())
def test_spans_are_parts_of_the_text_in_order_apart_and_without_space_at_their_ends(
    given: tuple[str, Places, list[list[float]]],
) -> None:
    text, places, rows = given
    found = spans.find(text, places, np.array(rows, dtype=np.float32), TAGS)
    at = 0
    for one in found:
        assert at <= one.start < one.end <= len(text)
        covered = text[one.start : one.end]
        assert covered == covered.strip()
        assert one.label in {"company", "person"}
        assert 0 <= one.score <= 1
        at = one.end


@given(tagged_texts())
def test_a_span_never_cuts_a_word(given: tuple[str, Places, list[list[float]]]) -> None:
    text, places, rows = given
    whole = list(spans.words(text))
    for one in spans.find(text, places, np.array(rows, dtype=np.float32), TAGS):
        assert one.start in {word.start for word in whole}
        assert one.end in {word.end for word in whole}


@given(st.text(ALPHABET))
def test_words_hold_all_that_can_be_seen_and_no_space(text: str) -> None:
    covered = [at for word in spans.words(text) for at in range(word.start, word.end)]
    assert covered == sorted(set(covered))
    assert not any(text[at].isspace() for at in covered)
    assert all(char.isspace() or char in "\u200b\u200d\u00ad" for char in _without(text, set(covered)))


def _without(text: str, covered: set[int]) -> list[str]:
    return [char for at, char in enumerate(text) if at not in covered]
