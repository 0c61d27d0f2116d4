"""A demonstration model's folder has everything a hub would have, and its parts agree with each other."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import sentencepiece

TOKENIZER_FILES = {
    "principles-vi": {"vocab.txt", "bpe.codes"},
    "legal-basis-vi": {"sentencepiece.bpe.model"},
    "principles-en": {"vocab.txt"},
}
SAME = {
    "README.md",
    "config.json",
    "labels.json",
    "model.safetensors",
    "onnx/model.onnx",
    "tokenizer_config.json",
}
ARCHITECTURES = {
    "principles-vi": ("roberta", "RobertaForSequenceClassification", "PhobertTokenizer", 258),
    "legal-basis-vi": ("xlm-roberta", "XLMRobertaForSequenceClassification", "XLMRobertaTokenizer", 258),
    "principles-en": ("bert", "BertForSequenceClassification", "BertTokenizer", 256),
}


def _tokens(folder: Path, name: str) -> int:
    """How many ids the tokenizer files give, special tokens included."""
    if name == "legal-basis-vi":
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
        return int(model.get_piece_size()) + 2  # fairseq's <pad> at 1, and <mask> at the end
    lines = (folder / "vocab.txt").read_text("utf-8").splitlines()
    return len(lines) + (5 if name == "principles-vi" else 0)  # PhoBERT's five are not in its file


def _safetensors_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    end = max(tensor["data_offsets"][1] for tensor in header.values())
    assert path.stat().st_size == 8 + length + end, "the file is cut short, or too long"
    return header


def test_the_folder_holds_the_files_of_its_family_and_no_others(folder: Path, name: str) -> None:
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == SAME | TOKENIZER_FILES[name]


def test_no_weights_file_is_above_four_megabytes(folder: Path) -> None:
    for path in (folder / "model.safetensors", folder / "onnx" / "model.onnx"):
        assert 1_000_000 < path.stat().st_size <= 4_000_000


def test_the_config_names_the_architecture_and_the_tokenizer(config: dict[str, Any], name: str) -> None:
    found = (config["model_type"], config["architectures"][0], config["tokenizer_class"])
    assert (*found, config["max_position_embeddings"]) == ARCHITECTURES[name]


def test_the_labels_are_those_of_the_catalogue_in_its_order(
    config: dict[str, Any], folder: Path, entry: dict[str, Any]
) -> None:
    assert [config["id2label"][str(i)] for i in range(len(config["id2label"]))] == [
        label["en"] for label in entry["labels"]
    ]
    assert json.loads((folder / "labels.json").read_text("utf-8")) == [
        {key: label[key] for key in ("id", "en", "vi")} for label in entry["labels"]
    ]


def test_config_tokenizer_and_weights_agree_on_the_vocabulary(
    config: dict[str, Any], folder: Path, name: str
) -> None:
    tensors = _safetensors_header(folder / "model.safetensors")
    (embedding,) = (t for key, t in tensors.items() if key.endswith("word_embeddings.weight"))
    assert config["vocab_size"] == embedding["shape"][0] == _tokens(folder, name)
    assert {tensor["dtype"] for tensor in tensors.values()} == {"F32"}


def test_the_graph_takes_ids_and_mask_of_any_shape_and_gives_one_logit_a_label(
    config: dict[str, Any], folder: Path
) -> None:
    session = onnxruntime.InferenceSession(
        str(folder / "onnx/model.onnx"), providers=["CPUExecutionProvider"]
    )
    assert [(i.name, i.type) for i in session.get_inputs()] == [
        ("input_ids", "tensor(int64)"),
        ("attention_mask", "tensor(int64)"),
    ]
    assert [(o.name, o.type) for o in session.get_outputs()] == [("logits", "tensor(float)")]
    for shape in ((1, 3), (5, 256)):
        ids = np.full(shape, 7, np.int64)
        (logits,) = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert logits.shape == (shape[0], len(config["id2label"]))


def test_padding_changes_no_answer(config: dict[str, Any], folder: Path) -> None:
    session = onnxruntime.InferenceSession(
        str(folder / "onnx/model.onnx"), providers=["CPUExecutionProvider"]
    )
    ids = np.array([[0, 20, 30, 40, 50, 2]], np.int64)
    longer = np.pad(ids, ((0, 0), (0, 30)), constant_values=config["pad_token_id"])
    mask = np.ones_like(ids)
    (alone,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
    padded_mask = np.pad(mask, ((0, 0), (0, 30)))
    (padded,) = session.run(["logits"], {"input_ids": longer, "attention_mask": padded_mask})
    np.testing.assert_allclose(alone, padded, atol=1e-4)


def test_the_card_says_that_it_is_a_demonstration(folder: Path) -> None:
    card = (folder / "README.md").read_text("utf-8")
    assert card.startswith("---\n")
    assert "pipeline_tag: text-classification" in card
    assert "demonstration, not legal advice" in " ".join(card.split())
