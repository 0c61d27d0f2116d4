"""A PhoBERT tokenizer of its real size gives the ids of transformers' own, whatever is written.

The files are made here (`conftest`): 64,000 pieces, learnt as fastBPE learns. The oracle is
`transformers.PhobertTokenizer`, its whole call for a part and its own steps, a third of the time, for all.
The first tenth of the 100,000 sentences is compared each time, all of them with SUITE=all.
"""

import random
import string
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from veriaidpo_predictor.tokenising import tokenise

_MAX_TOKENS = 256
_SYMBOLS = (
    "🙂",
    "👩‍👩‍👧",
    "🇻🇳",
    "→",
    "€",
    "₫",
    "…",
    "“",
    "”",
    "•",
    "№",
    "\u200b",
    "\ufeff",
    "\u00ad",
    "<unk>x",
    "@@",
)
_OTHERS = (
    "数据",
    "保護",
    "데이터",
    "المعلومات",
    "данные",
    "δεδομένα",
    "ข้อมูล",
    "ﬁ",
    "Ａ",
    "①",
    "Ωmega",
    "naïve",
    "𝔘𝔫",
)


@pytest.fixture(scope="module")
def ours(language: Any) -> tokenise.Tokeniser:
    return tokenise.build(language.folder, "phobert-bpe", max_tokens=_MAX_TOKENS)


@pytest.fixture(scope="module")
def theirs(language: Any) -> Any:
    import transformers  # noqa: PLC0415  two seconds that only these tests need

    return transformers.PhobertTokenizer.from_pretrained(language.folder)


def by_their_call(theirs: Any, text: str) -> list[int]:
    ids: list[int] = theirs(text, truncation=True, max_length=_MAX_TOKENS)["input_ids"]
    return ids


def by_their_steps(theirs: Any, text: str) -> list[int]:
    """What the call does with a text that has none of its special tokens."""
    ids: list[int] = [theirs._convert_token_to_id(one) for one in theirs._tokenize(text)]
    return [0, *ids[: _MAX_TOKENS - 2], 2]


def sentences(language: Any, number: int, seed: int) -> Iterator[str]:
    """Sentences of words as often as they are written, each then changed in one way or in none."""
    rng = random.Random(seed)
    words = rng.choices(list(language.words), list(language.words.values()), k=400_000)
    for index in range(number):
        start = rng.randrange(len(words) - 40)
        text = " ".join(words[start : start + rng.randint(1, 30)])
        if index % 10 == 0:
            text = rng.choice(language.lines)
        yield changed(text, rng)


def changed(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    for _ in range(rng.randint(0, 3)):
        place = rng.randrange(len(words) + 1)
        words.insert(place, rng.choice((rng.choice(_SYMBOLS), rng.choice(_OTHERS), stray(rng), number(rng))))
    text = " ".join(words)
    return rng.choice(
        (
            lambda: text,
            lambda: text,
            lambda: text.replace("_", " "),  # as people write it: words are not segmented
            lambda: text.replace(" ", "_", rng.randint(1, 4)),
            lambda: unicodedata.normalize("NFD", text),
            lambda: unicodedata.normalize("NFKD", text),
            text.upper,
            text.title,
            lambda: text.replace(" ", rng.choice(("  ", "\t", "\n", "\u00a0", "\u3000", "\r\n", "\x85")), 3),
            lambda: text.replace(" ", "", rng.randint(1, 3)),
        )
    )()


def stray(rng: random.Random) -> str:
    """A word of letters of any kind."""
    return "".join(rng.choices(string.printable.strip() + "ăâđêôơưỹữỰàảãáạ", k=rng.randint(1, 14)))


def number(rng: random.Random) -> str:
    return f"{rng.randrange(10**9):,}".replace(",", rng.choice((".", ",", ""))) + rng.choice(
        ("", "đ", "%", " VND")
    )


def test_the_files_are_of_phoberts_size(language: Any) -> None:
    pieces, merges = (
        (language.folder / name).read_text("utf-8").count("\n") for name in ("vocab.txt", "bpe.codes")
    )
    assert pieces > 55_000
    assert merges > 60_000


@pytest.mark.parametrize("number", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_the_same_ids_for_each_sentence(
    language: Any, ours: tokenise.Tokeniser, theirs: Any, number: int
) -> None:
    texts = [text for text in sentences(language, number + number // 50, seed=1) if not has_special(text)]
    assert len(texts) >= number
    wrong = [
        text
        for text, found in zip(texts, ours.encode(texts), strict=True)
        if found.ids != by_their_steps(theirs, text)
    ]
    assert wrong == []


def test_the_same_ids_by_their_whole_call(language: Any, ours: tokenise.Tokeniser, theirs: Any) -> None:
    texts = [text for text in sentences(language, 5_000, seed=2) if not has_special(text)]
    found = [one.ids for one in ours.encode(texts)]
    assert [text for text, ids in zip(texts, found, strict=True) if ids != by_their_call(theirs, text)] == []


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80))
def test_the_same_ids_for_whatever_can_be_written(text: str, ours: tokenise.Tokeniser, theirs: Any) -> None:
    assert ours.encode([text])[0].ids == by_their_steps(theirs, text)


def test_most_pieces_are_known(language: Any, ours: tokenise.Tokeniser) -> None:
    """Equal ids alone would also be had from two tokenizers that know nothing."""
    ids = [one for found in ours.encode(language.lines) for one in found.ids]
    assert ids.count(3) < len(ids) * 0.05
    assert len(set(ids)) > 3_000


def has_special(text: str) -> bool:
    """Their call takes `<unk>` in a text for the token; here it is five characters that somebody wrote."""
    return any(token in text for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
