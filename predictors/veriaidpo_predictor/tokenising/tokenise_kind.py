"""How a repository is tokenised, told from its file names; fetch needs no more of it, and no tokenizers."""

from collections.abc import Set as AbstractSet

from veriaidpo_predictor.manifest import TokenizerKind

SENTENCEPIECE_NAMES = ("sentencepiece.bpe.model", "spiece.model", "tokenizer.model")


def kind_of(names: AbstractSet[str]) -> TokenizerKind | None:
    """Give the kind; None when nothing fits."""
    if "tokenizer.json" in names:
        return "tokenizer-json"
    if {"vocab.txt", "bpe.codes"} <= names:
        return "phobert-bpe"
    if names & set(SENTENCEPIECE_NAMES):
        return "sentencepiece"
    return "wordpiece" if "vocab.txt" in names else None
