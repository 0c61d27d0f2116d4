"""Models that find spans, made by hand: a token's tag is looked up by its id, so what they find is known."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LABELS = (
    {"id": "company", "en": "Company", "vi": "Công ty"},
    {"id": "person", "en": "Person", "vi": "Cá nhân"},
    {"id": "address", "en": "Address", "vi": "Địa chỉ"},
)
# Not the order in which the labels are listed: a model has its own.
TAGS = ("B-person", "I-person", "O", "I-company", "B-company", "B-address", "I-address")


def graph(table: Mapping[int, str], size: int, tags: tuple[str, ...] = TAGS) -> bytes:
    """Score the tag of each token id high, and add a little of the mean over the text.

    With the mean a token's scores depend on its whole row, so they show padding that is not masked.
    """
    scores = np.zeros((size, len(tags)), dtype=np.float32)
    for token in range(size):
        scores[token, tags.index(table.get(token, "O"))] = 6.0
    drift = np.random.default_rng(7).normal(0, 1, scores.shape).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["scores", "input_ids"], ["own"]),
        helper.make_node("Gather", ["drift", "input_ids"], ["moved"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["moved", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "first"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["wide", "first"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Add", ["own", "mean"], ["logits"]),
    ]
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "tokens", len(tags)])]
    constants = [
        numpy_helper.from_array(scores, "scores"),
        numpy_helper.from_array(drift, "drift"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "first"),
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "tagger", ids, out, constants), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


WORDS = (
    "hòa", "phát", "shopee", "vn", "nguyễn", "lan", "quận", "bình", "thạnh", "lưu", "dữ", "liệu", "của",
    "khách", "hàng", ",", ".", "##ee", "shop", "😀",
)  # fmt: skip
TAG_OF = {
    "hòa": "B-company", "phát": "I-company", "shop": "B-company", "vn": "I-company",
    "nguyễn": "B-person", "lan": "I-person",
    "quận": "B-address", "bình": "I-address", "thạnh": "I-address",
}  # fmt: skip
GOLDEN = (
    {"text": "Hòa Phát lưu dữ liệu.", "spans": [{"start": 0, "end": 8, "label": "company"}]},
    {"text": "Dữ liệu của khách hàng.", "spans": []},
)

MANIFEST: dict[str, Any] = {
    "name": "company-normalizer-vi",
    "modelType": "company_normalizer",
    "language": "vi",
    "task": "token-classification",
    "labels": LABELS,
    "tags": TAGS,
    "goldenSentences": GOLDEN,
}


def files(tags: Iterable[str] = TAGS) -> dict[str, bytes]:
    """The repository of a tagger with a vocabulary of its own; `shopee` is written in two pieces."""
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(word for word in WORDS if word != "shopee")]
    names = [tag if tag == "O" else tag[:2] + tag[2:].upper() for tag in tags]
    config = {"id2label": dict(enumerate(names)), "pad_token_id": 0}
    settings = {"do_lower_case": True, "strip_accents": False}
    return {
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
        "vocab.txt": "\n".join(vocab).encode() + b"\n",
        "onnx/model.onnx": graph({vocab.index(word): tag for word, tag in TAG_OF.items()}, len(vocab)),
    }


@pytest.fixture(scope="session")
def tagger_files() -> Callable[..., dict[str, bytes]]:
    return files


@pytest.fixture(scope="session")
def tagger_graph() -> Callable[..., bytes]:
    return graph


@pytest.fixture(scope="session")
def publish_tagger(publish_to: Callable[..., Path]) -> Callable[..., Path]:
    """Lay a revision of a tagger on a volume; the keyword arguments replace what its manifest says."""

    def publish(root: Path, **changes: Any) -> Path:
        return publish_to(root, **({"content": files()} | MANIFEST | changes))

    return publish
