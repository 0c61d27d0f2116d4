"""Text to token ids, with the Rust tokenizers, for the four kinds of files that models come with.

What a caller writes is always text: a `</s>` in it is four letters, not the end of the sentence.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Its own thread pool would compete with the engine threads for the same cores; it is read at the first batch.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram, WordPiece

from veriaidpo_predictor.manifest import TokenizerKind
from veriaidpo_predictor.tokenising import phobert, sentencepiece_model
from veriaidpo_predictor.tokenising.composed import compose
from veriaidpo_predictor.tokenising.tokenise_kind import SENTENCEPIECE_NAMES


class TokenizerError(Exception):
    """Tokenizer files that cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Ids as the model reads them, special tokens included, and whether the text was longer than that.

    `places` is where in the text each token lies, in code points: (0, 0) for special tokens, and nothing at
    all where nobody asked for it.
    """

    ids: list[int]
    truncated: bool
    places: tuple[tuple[int, int], ...] = ()


class Tokeniser:
    """Turns texts into ids, at most `max_tokens` of them; safe to call from several threads."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, table: Sequence[int] | None = None) -> None:
        """`table` maps the tokenizer's ids to the model's where the two differ."""
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._table = table

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode each text on its own; the order is kept."""
        found = self._tokenizer.encode_batch_fast(list(texts))
        return [Encoded(self._ids(one.ids), bool(one.overflowing)) for one in found]

    def encode_with_places(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode each text, composed, and tell where in it as it was given each token lies."""
        composed = [compose(text) for text in texts]
        found = self._tokenizer.encode_batch([one.text for one in composed])
        return [
            Encoded(
                self._ids(tokens.ids),
                bool(tokens.overflowing),
                tuple(
                    (0, 0) if special else text.back(*place)
                    for place, special in zip(tokens.offsets, tokens.special_tokens_mask, strict=True)
                ),
            )
            for text, tokens in zip(composed, found, strict=True)
        ]

    def _ids(self, ids: list[int]) -> list[int]:
        table = self._table
        return ids if table is None else [table[i] for i in ids]


def build(directory: Path, kind: TokenizerKind, *, max_tokens: int) -> Tokeniser:
    """Build the tokenizer of a verified revision directory.

    Raises TokenizerError when a file is missing or is not what its name says.
    """
    try:
        if kind == "tokenizer-json":
            return Tokeniser(Tokenizer.from_file(str(directory / "tokenizer.json")), max_tokens=max_tokens)
        if kind == "phobert-bpe":
            tokenizer, table = phobert.build(directory / "vocab.txt", directory / "bpe.codes")
            return Tokeniser(_with_added(tokenizer, directory, table), max_tokens=max_tokens, table=table)
        made = _sentencepiece(directory) if kind == "sentencepiece" else _wordpiece(directory)
        return Tokeniser(_with_added(made, directory), max_tokens=max_tokens)
    except TokenizerError:
        raise
    except Exception as error:  # the Rust side raises plain Exception
        raise TokenizerError(
            f"The {kind} tokenizer files cannot be used ({type(error).__name__})."
        ) from error


def _sentencepiece(directory: Path) -> Tokenizer:
    """Follow XLM-R: four ids of fairseq first, so that piece 3 is id 4, and `<mask>` at the end."""
    path = next((directory / name for name in SENTENCEPIECE_NAMES if (directory / name).is_file()), None)
    if path is None:
        raise TokenizerError("There is no sentencepiece model among the files.")
    model = sentencepiece_model.parse(path.read_bytes())
    if model.kind != sentencepiece_model.UNIGRAM:
        raise TokenizerError("The sentencepiece model is not a unigram model.")
    special = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces = [(piece.text, piece.score) for piece in model.pieces[3:]]
    tokenizer = Tokenizer(Unigram([*special, *pieces, ("<mask>", 0.0)], unk_id=3, byte_fallback=False))
    if model.charsmap:
        # Precompiled drops marks after a letter that it knows (u, horn, tilde: no tilde is left), so letters
        # are composed before it sees them.
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Precompiled(model.charsmap)]
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(" ", behavior="removed"),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
        ]
    )
    tokenizer.post_processor = _around("<s>", 0, "</s>", 2)
    return tokenizer


def _wordpiece(directory: Path) -> Tokenizer:
    settings = _json(directory / "tokenizer_config.json")
    lines = (directory / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocab = {
        line.removesuffix("\r"): index for index, line in enumerate(lines) if line or index < len(lines) - 1
    }
    unknown, start, end = (_name(settings, key) for key in ("unk_token", "cls_token", "sep_token"))
    for name in (unknown, start, end):
        if name not in vocab:
            raise TokenizerError("vocab.txt lacks one of the special tokens.")
    tokenizer = Tokenizer(WordPiece(vocab, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = _around(start, vocab[start], end, vocab[end])
    return tokenizer


def _around(start: str, start_id: int, end: str, end_id: int) -> processors.TemplateProcessing:
    return processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=None, special_tokens=[(start, start_id), (end, end_id)]
    )


def _name(settings: dict[str, Any], key: str) -> str:
    """Give a special token's name, which is a string or the object that some writers put there."""
    value = settings.get(key, {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}[key])
    return str(value["content"]) if isinstance(value, dict) else str(value)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise TokenizerError(f"{path.name} is not JSON.") from None
    if not isinstance(found, dict):
        raise TokenizerError(f"{path.name} is not a JSON object.")
    return found


def _with_added(tokenizer: Tokenizer, directory: Path, table: list[int] | None = None) -> Tokenizer:
    """Add what was added to the vocabulary after it was made, a `[COMPANY]` say.

    Special tokens are left out: nobody writes them.
    """
    settings = _json(directory / "tokenizer_config.json").get("added_tokens_decoder", {})
    by_id: dict[int, AddedToken] = {
        number: AddedToken(name, normalized=False)
        for name, number in _json(directory / "added_tokens.json").items()
        if not name.startswith("<")
    }
    for number, token in settings.items():
        if token.get("special"):
            by_id.pop(int(number), None)
            continue
        flags = {
            key: bool(token[key]) for key in ("single_word", "lstrip", "rstrip", "normalized") if key in token
        }
        by_id[int(number)] = AddedToken(token["content"], **flags)
    for number, added in sorted(by_id.items()):
        if tokenizer.token_to_id(added.content) not in {None, number} and table is None:
            raise TokenizerError("An added token stands for another id than the vocabulary gives it.")
        tokenizer.add_tokens([added])
        given = tokenizer.token_to_id(added.content) or 0
        if table is not None:
            table.extend([phobert.UNKNOWN] * (given + 1 - len(table)))
            table[given] = number
        elif given != number:
            raise TokenizerError("The ids of the added tokens do not follow those of the vocabulary.")
    return tokenizer
