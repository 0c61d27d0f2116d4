"""A demonstration model's folder has everything a hub would have, and its parts agree with each other."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import sentencepiece

from specs import CLASSIFICATION, MODELS, SPECS, TAGGING, Spec

TOKENIZER_FILES = {
    "phobert": {"vocab.txt", "bpe.codes"},
    "xlmr": {"sentencepiece.bpe.model"},
    "bert": {"vocab.txt"},
}
SAME = {"README.md", "config.json", "labels.json", "model.safetensors", "tokenizer_config.json"}
ARCHITECTURES = {
    "phobert": ("roberta", "Roberta", "PhobertTokenizer", 258),
    "xlmr": ("xlm-roberta", "XLMRoberta", "XLMRobertaTokenizer", 258),
    "bert": ("bert", "Bert", "BertTokenizer", 256),
}
HEADS = {CLASSIFICATION: "ForSequenceClassification", TAGGING: "ForTokenClassification"}
STORED = {"float32": "F32", "float16": "F16"}
MOST_BYTES = 40_000_000


def _tokens(folder: Path, family: str) -> int:
    """How many ids the tokenizer files give, special tokens included."""
    if family == "xlmr":
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
        return int(model.get_piece_size()) + 2  # fairseq's <pad> at 1, and <mask> at the end
    lines = (folder / "vocab.txt").read_text("utf-8").splitlines()
    return len(lines) + (5 if family == "phobert" else 0)  # PhoBERT's five are not in its file


def _safetensors_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    end = max(tensor["data_offsets"][1] for tensor in header.values())
    assert path.stat().st_size == 8 + length + end, "the file is cut short, or too long"
    return header


def test_there_is_a_folder_for_each_model_and_no_other(catalogue: dict[str, dict[str, Any]]) -> None:
    assert {path.name for path in MODELS.iterdir()} == set(SPECS) == set(catalogue)


def test_together_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) <= MOST_BYTES


def test_the_folder_holds_the_files_of_its_family_and_no_others(folder: Path, spec: Spec) -> None:
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    graph = {"onnx/model.onnx"} if spec.graph else set()
    assert there == SAME | TOKENIZER_FILES[spec.family] | graph


def test_the_config_names_the_architecture_and_the_tokenizer(config: dict[str, Any], spec: Spec) -> None:
    kind, family, tokenizer, positions = ARCHITECTURES[spec.family]
    assert config["architectures"] == [family + HEADS[spec.task]]
    assert (config["model_type"], config["tokenizer_class"]) == (kind, tokenizer)
    assert config["max_position_embeddings"] == positions


def test_the_labels_are_those_of_the_catalogue_in_its_order(classifier: Spec) -> None:
    folder = MODELS / classifier.name
    names = json.loads((folder / "config.json").read_text("utf-8"))["id2label"]
    assert [names[str(i)] for i in range(len(names))] == [label["en"] for label in classifier.labels]
    assert json.loads((folder / "labels.json").read_text("utf-8")) == classifier.labels


def test_the_tags_of_a_tagger_are_those_over_the_labels(tagger: Spec) -> None:
    folder = MODELS / tagger.name
    names = json.loads((folder / "config.json").read_text("utf-8"))["id2label"]
    over = {f"{position}-{label['id'].upper()}" for label in tagger.labels for position in "BI"}
    assert set(names.values()) == {"O"} | over
    assert json.loads((folder / "labels.json").read_text("utf-8")) == tagger.labels


def test_config_tokenizer_and_weights_agree_on_the_vocabulary(
    config: dict[str, Any], folder: Path, spec: Spec
) -> None:
    tensors = _safetensors_header(folder / "model.safetensors")
    (embedding,) = (t for key, t in tensors.items() if key.endswith("word_embeddings.weight"))
    assert config["vocab_size"] == embedding["shape"][0] == _tokens(folder, spec.family)
    assert {tensor["dtype"] for tensor in tensors.values()} == {STORED[spec.stored]}


@pytest.mark.parametrize("published", [spec for spec in SPECS.values() if spec.graph], ids=lambda s: s.name)
def test_a_published_graph_takes_ids_and_mask_of_any_shape(published: Spec) -> None:
    session = _session(published)
    assert [(i.name, i.type) for i in session.get_inputs()] == [
        ("input_ids", "tensor(int64)"),
        ("attention_mask", "tensor(int64)"),
    ]
    assert [(o.name, o.type) for o in session.get_outputs()] == [("logits", "tensor(float)")]
    for shape in ((1, 3), (5, 256)):
        ids = np.full(shape, 7, np.int64)
        (logits,) = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert logits.shape == (shape[0], len(published.labels))


@pytest.mark.parametrize("published", [spec for spec in SPECS.values() if spec.graph], ids=lambda s: s.name)
def test_padding_changes_no_answer(published: Spec) -> None:
    session = _session(published)
    ids = np.array([[0, 20, 30, 40, 50, 2]], np.int64)
    padding = json.loads((MODELS / published.name / "config.json").read_text("utf-8"))["pad_token_id"]
    longer = np.pad(ids, ((0, 0), (0, 30)), constant_values=padding)
    mask = np.ones_like(ids)
    (alone,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
    padded_mask = np.pad(mask, ((0, 0), (0, 30)))
    (padded,) = session.run(["logits"], {"input_ids": longer, "attention_mask": padded_mask})
    np.testing.assert_allclose(alone, padded, atol=1e-4)


def _session(spec: Spec) -> onnxruntime.InferenceSession:
    path = MODELS / spec.name / "onnx/model.onnx"
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_the_card_says_that_it_is_a_demonstration(folder: Path, spec: Spec) -> None:
    card = (folder / "README.md").read_text("utf-8")
    assert card.startswith("---\n")
    assert f"pipeline_tag: {spec.task}" in card
    assert "demonstration, not legal advice" in " ".join(card.split())
