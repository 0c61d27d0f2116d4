"""Tokenizer files for the three families, each in the form its published models have them.

PhoBERT: `bpe.codes` ("a b count", fastBPE, `</w>` ends a word) and `vocab.txt` ("token count"; `@@` says that
the word goes on; the special tokens are not in the file). XLM-R: `sentencepiece.bpe.model`. BERT: WordPiece
`vocab.txt`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import sentencepiece
from tokenizers import BertWordPieceTokenizer

from grammar import COMPANY

MAX_TOKENS = 256
_BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_phobert(texts: Sequence[str], folder: Path, *, size: int) -> None:
    """Write `bpe.codes` and `vocab.txt` of at most `size` tokens."""
    counts = Counter(word for text in texts for word in text.split())
    counts[COMPANY] += max(counts.values())  # one word, whatever stands beside it
    alphabet = {c for word in counts for c in word}
    spelled = {word: (*word[:-1], word[-1] + "</w>") for word in counts}
    merges = _learn_merges(spelled, counts, count=size - 2 * len(alphabet) - 5)
    (folder / "bpe.codes").write_text("".join(f"{a} {b} {n}\n" for a, b, n in merges), "utf-8")
    tokens: Counter[str] = Counter(dict.fromkeys(alphabet, 1) | {f"{c}@@": 1 for c in alphabet})
    for word, pieces in spelled.items():
        for piece in pieces:
            tokens[piece.removesuffix("</w>") if piece.endswith("</w>") else f"{piece}@@"] += counts[word]
    kept = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))
    (folder / "vocab.txt").write_text("".join(f"{token} {n}\n" for token, n in kept), "utf-8")
    _write_tokenizer_config(folder, {"tokenizer_class": "PhobertTokenizer", "do_lower_case": False})


def _learn_merges(
    spelled: dict[str, tuple[str, ...]], counts: Counter[str], *, count: int
) -> list[tuple[str, str, int]]:
    """Merge the most frequent pairs one after another; leaves `spelled` as the merges spell the words."""
    pairs: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for word, pieces in spelled.items():
        for pair in pairwise(pieces):
            pairs[pair] += counts[word]
            where[pair].add(word)
    merges: list[tuple[str, str, int]] = []
    while pairs and len(merges) < count:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 3:
            break
        merges.append((*best, pairs[best]))
        for word in where.pop(best):
            before = spelled[word]
            for pair in pairwise(before):
                pairs[pair] -= counts[word]
            after = spelled[word] = _merged(before, best)
            for pair in pairwise(after):
                pairs[pair] += counts[word]
                where[pair].add(word)
        pairs.pop(best, None)
    return merges


def _merged(pieces: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """Join the pair wherever it stands in the word, left to right, each piece used once."""
    out: list[str] = []
    at = 0
    while at < len(pieces):
        joined = pieces[at : at + 2] == pair
        out.append("".join(pair) if joined else pieces[at])
        at += 2 if joined else 1
    return tuple(out)


def write_xlmr(texts: Iterable[str], folder: Path, *, size: int) -> None:
    """Write `sentencepiece.bpe.model` (unigram; ids <unk> 0, <s> 1, </s> 2 as XLM-R's files have them)."""
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc",
        user_defined_symbols=[COMPANY],
        num_threads=1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    _write_tokenizer_config(folder, {"tokenizer_class": "XLMRobertaTokenizer"})


def write_bert(texts: Iterable[str], folder: Path, *, size: int) -> None:
    """Write WordPiece `vocab.txt`, uncased; `[COMPANY]` is the three tokens `[`, `company`, `]`."""
    trainer = BertWordPieceTokenizer(lowercase=True)
    trainer.train_from_iterator(
        texts, vocab_size=size, min_frequency=3, special_tokens=list(_BERT_SPECIAL), show_progress=False
    )
    ids: dict[str, int] = trainer.get_vocab()
    (folder / "vocab.txt").write_text("".join(f"{t}\n" for t in sorted(ids, key=ids.__getitem__)), "utf-8")
    _write_tokenizer_config(folder, {"tokenizer_class": "BertTokenizer", "do_lower_case": True})


def _write_tokenizer_config(folder: Path, settings: dict[str, object]) -> None:
    content = {**settings, "model_max_length": MAX_TOKENS}
    (folder / "tokenizer_config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
