"""The gateway hands over company names as [COMPANY]: each tokenizer reads that the same way everywhere."""

from pathlib import Path

import sentencepiece

DEMO = Path(__file__).resolve().parents[2] / "hack" / "demo"


def test_phobert_has_it_as_one_word() -> None:
    vocabulary = (DEMO / "models/principles-vi/vocab.txt").read_text("utf-8").splitlines()
    assert any(line.rpartition(" ")[0] == "[COMPANY]" for line in vocabulary)
    last = [line for line in _merges() if line[0] + line[1] == "[COMPANY]</w>"]
    assert len(last) == 1


def _merges() -> list[list[str]]:
    lines = (DEMO / "models/principles-vi/bpe.codes").read_text("utf-8").splitlines()
    merges = [line.split(" ") for line in lines]
    assert all(len(merge) == 3 and merge[2].isdigit() for merge in merges)
    return merges


def test_sentencepiece_keeps_it_whole_beside_punctuation_too() -> None:
    path = DEMO / "models/legal-basis-vi/sentencepiece.bpe.model"
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in ("[COMPANY]", "theo [COMPANY], khách", "([COMPANY])", "hỏi [COMPANY]?"):
        assert "[COMPANY]" in model.encode(text, out_type=str)


def test_wordpiece_has_its_three_pieces() -> None:
    vocabulary = (DEMO / "models/principles-en/vocab.txt").read_text("utf-8").splitlines()
    assert {"[", "company", "]"} <= set(vocabulary)
