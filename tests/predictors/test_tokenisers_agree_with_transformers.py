"""Ids must be those that the models were trained on.

transformers' own tokenizers are the oracle. For XLM-R it is sentencepiece itself with fairseq's offset, since
transformers 5 reads that file only together with a tokenizer.json.
"""

import itertools
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor.tokenising import tokenise, tokenise_kind

TEXTS = [
    "Shopee VN thu thập email khách hàng để giao hàng.",
    "[COMPANY] phải xóa dữ liệu cá nhân sau 5 năm.",
    "Shopee VN thu thap email khach hang de giao hang.",
    unicodedata.normalize("NFD", "Ngân hàng xử lý dữ liệu sức khỏe của khách hàng"),
    "Công ty xử_lý dữ_liệu cá_nhân .",
    "The company [COMPANY] collects data; it's lawful (Art. 9).",
    "🙂 👩‍👩‍👧 dữ liệu 🇻🇳",
    "数据 保護 데이터 المعلومات ỹ ữ Ự",
    "a", ".", "@@", "a@@ @@b", "x@@@@", "đ", "Đ", "☃", "a☃b", "\u200b", "ký\u200btự", "\u00ad",
    "  nhiều   khoảng\ttrắng\u00a0và\u3000hơn  ",
    "dòng một\ndòng hai\r\ndòng ba\n\nbốn\x85năm\u2028sáu",
    "0123456789 1.000.000đ 50% +84-912-345-678 a_b-c/d https://vi.example/?a=1&b=2",
    "ﬁ ① Ａ ｶﾞ ² ½ ﷺ",
    "Hoà và hòa, thuỷ và thủy, QUYẾT ĐỊNH",
    "từ" * 300,
    "dữ liệu cá nhân " * 200,
    "\x1c\x1d a \x1e\x1f b \x00 c \x7f",
    "e\u0301" * 50 + " o\u0302\u0323",
]  # fmt: skip

KINDS = {"principles-vi": "phobert-bpe", "legal-basis-vi": "sentencepiece", "principles-en": "wordpiece"}
Oracle = Callable[[str], list[int]]


def transformers_of(directory: Path, name: str) -> tuple[Oracle, int]:
    import transformers  # noqa: PLC0415  two seconds that only these tests need

    theirs = getattr(transformers, name).from_pretrained(directory)

    def encode(text: str) -> list[int]:
        ids: list[int] = theirs(text, truncation=True, max_length=256)["input_ids"]
        return ids

    return encode, theirs.unk_token_id


def sentencepiece_of(directory: Path) -> tuple[Oracle, int]:
    import sentencepiece  # noqa: PLC0415

    theirs = sentencepiece.SentencePieceProcessor(model_file=str(directory / "sentencepiece.bpe.model"))

    def encode(text: str) -> list[int]:
        composed = unicodedata.normalize("NFC", text)
        ids = [3 if one == theirs.unk_id() else one + 1 for one in theirs.encode(composed)]
        return [0, *ids[:254], 2]

    return encode, 3


def many(texts: list[str], count: int = 2_000) -> list[str]:
    """Words of the texts, their pieces and stray characters, shuffled with a fixed seed."""
    rng = random.Random(7)
    words = [word for text in texts for word in text.split(" ")]
    letters = sorted({letter for text in texts for letter in text} | set("ăâđêôơưÀẠẪ@_#<>[]"))
    made = []
    for _ in range(count):
        chosen = [rng.choice(words)[: rng.randint(1, 12)] for _ in range(rng.randint(1, 20))]
        chosen += ["".join(rng.choices(letters, k=rng.randint(1, 8))) for _ in range(rng.randint(0, 3))]
        rng.shuffle(chosen)
        made.append(rng.choice([" ", " ", "\n", "  "]).join(chosen))
    return made


def has_stray_mark(text: str) -> bool:
    """A mark or joiner on a compatibility letter (a tilde on a circled one): the Rust normaliser drops it."""
    pairs = itertools.pairwise(unicodedata.normalize("NFC", text))
    joined = ((a, b) for a, b in pairs if unicodedata.combining(b) or b == "\u200d")
    return any(unicodedata.normalize("NFKC", a) != a for a, _ in joined)


@pytest.fixture(params=KINDS, scope="module")
def pair(request: Any, demo_models: Path) -> tuple[tokenise.Tokeniser, Oracle, int]:
    """Our tokeniser of a demonstration model, and the one that made its training data."""
    directory = demo_models / request.param
    kind = tokenise_kind.kind_of({path.name for path in directory.iterdir()})
    assert kind == KINDS[request.param]
    ours = tokenise.build(directory, kind, max_tokens=256)
    if kind == "sentencepiece":
        return ours, *sentencepiece_of(directory)
    return ours, *transformers_of(directory, "PhobertTokenizer" if kind == "phobert-bpe" else "BertTokenizer")


def test_the_same_ids_for_every_text(
    pair: tuple[tokenise.Tokeniser, Oracle, int],
) -> None:
    ours, theirs, _ = pair
    texts = TEXTS + [text for text in many(TEXTS) if not has_stray_mark(text)]
    assert len(texts) > 1_900
    wrong = [text for text, found in zip(texts, ours.encode(texts), strict=True) if found.ids != theirs(text)]
    assert wrong == []


def test_known_words_are_known(pair: tuple[tokenise.Tokeniser, Oracle, int]) -> None:
    """Equal ids alone would also be had from two tokenizers that know nothing."""
    ours, _, unknown = pair
    ids = ours.encode(["The company collects data of customers . Công ty thu thập dữ liệu khách hàng ."])[
        0
    ].ids
    assert sum(one != unknown for one in ids) > len(ids) * 0.5
    assert len(set(ids)) > 8


def test_truncation_is_told(pair: tuple[tokenise.Tokeniser, Oracle, int]) -> None:
    short, long = pair[0].encode(["dữ liệu", "dữ liệu cá nhân " * 300])
    assert (short.truncated, long.truncated, len(long.ids)) == (False, True, 256)
