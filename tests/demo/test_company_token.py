"""The gateway hands over company names as [COMPANY]: each tokenizer reads that the same way everywhere."""

from pathlib import Path

import sentencepiece

from specs import MODELS, Spec


def test_it_is_read_whole(classifier: Spec) -> None:
    folder = MODELS / classifier.name
    {"phobert": _one_word, "xlmr": _one_piece, "bert": _three_pieces}[classifier.family](folder)


def _one_word(folder: Path) -> None:
    vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()
    assert any(line.rpartition(" ")[0] == "[COMPANY]" for line in vocabulary)
    merges = [line.split(" ") for line in (folder / "bpe.codes").read_text("utf-8").splitlines()]
    assert all(len(merge) == 3 and merge[2].isdigit() for merge in merges)
    assert len([merge for merge in merges if merge[0] + merge[1] == "[COMPANY]</w>"]) == 1


def _one_piece(folder: Path) -> None:
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    for text in ("[COMPANY]", "theo [COMPANY], khách", "([COMPANY])", "hỏi [COMPANY]?"):
        assert "[COMPANY]" in model.encode(text, out_type=str)


def _three_pieces(folder: Path) -> None:
    vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()
    assert {"[", "company", "]"} <= set(vocabulary)
