"""A graph made of config.json and model.safetensors computes what the model's own publisher's graph computes.

Oracles: the graphs that the demonstration models publish, which torch wrote; and for the forms that none of
them has, the network's formulas in numpy.
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import yaml

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.converting import convert, graph_config
from veriaidpo_predictor.golden import Task
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.tokenising import tokenise, tokenise_kind

REPO = Path(__file__).parents[2]
CATALOGUE = yaml.safe_load((REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml").read_bytes())
GOLDEN = {model["name"]: model["goldenSentences"] for model in CATALOGUE["models"]}
Array = npt.NDArray[np.float64]
Tensors = dict[str, npt.NDArray[np.float32]]


def made(folder: Path, *, task: Task = "text-classification", labels: int) -> Path:
    """Make the graph of a folder that has config.json and model.safetensors."""
    network = graph_config.read(folder / "config.json", task=task, labels=labels, max_tokens=8)
    convert.convert(folder, network)
    return folder


def copied(source: Path, folder: Path) -> Path:
    """What a repository without onnx/ has of a demonstration model."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("onnx"))
    return folder


def rows_of_ids(vocabulary: int, lengths: list[int], seed: int = 3) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [[int(one) for one in rng.integers(5, vocabulary, length)] for length in lengths]


@pytest.fixture(scope="module", params=["principles-vi", "legal-basis-vi", "principles-en"])
def pair(
    request: pytest.FixtureRequest, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Path]:
    """A demonstration model's name, its own folder, and one whose graph was made here."""
    source = demo_models / request.param
    labels = len(json.loads((source / "config.json").read_bytes())["id2label"])
    folder = copied(source, tmp_path_factory.mktemp("made") / request.param)
    return request.param, source, made(folder, labels=labels)


def both(pair: tuple[str, Path, Path], rows: list[list[int]]) -> tuple[Any, Any]:
    _, source, folder = pair
    labels = len(json.loads((source / "config.json").read_bytes())["id2label"])
    return session.load(source, labels=labels)(rows), session.load(folder, labels=labels)(rows)


def test_golden_sentences_get_the_published_graphs_logits(pair: tuple[str, Path, Path]) -> None:
    name, source, _ = pair
    kind = tokenise_kind.kind_of({path.name for path in source.iterdir()})
    assert kind is not None
    texts = [golden["text"] for golden in GOLDEN[name]]
    rows = [one.ids for one in tokenise.build(source, kind, max_tokens=256).encode(texts)]
    theirs, ours = both(pair, rows)
    assert np.abs(theirs - ours).max() <= 1e-4
    assert np.ptp(theirs, axis=1).min() > 1  # not that both say nothing


@pytest.mark.parametrize("seed", range(4))
def test_padded_batches_get_the_published_graphs_logits(pair: tuple[str, Path, Path], seed: int) -> None:
    vocabulary = json.loads((pair[1] / "config.json").read_bytes())["vocab_size"]
    lengths = [int(one) for one in np.random.default_rng(seed).integers(1, 256, 7)] + [256, 1]
    theirs, ours = both(pair, rows_of_ids(vocabulary, lengths, seed))
    assert np.abs(theirs - ours).max() <= 1e-4


def test_alone_and_in_a_padded_batch_the_logits_are_the_same(pair: tuple[str, Path, Path]) -> None:
    rows = rows_of_ids(2_000, [3, 90, 17, 256])
    _, together = both(pair, rows)
    for number, row in enumerate(rows):
        _, alone = both(pair, [row])
        assert np.abs(together[number] - alone[0]).max() <= 1e-5


def test_the_same_weights_give_the_same_bytes(pair: tuple[str, Path, Path], tmp_path: Path) -> None:
    name, source, folder = pair
    labels = len(json.loads((source / "config.json").read_bytes())["id2label"])
    again = made(copied(source, tmp_path / name), labels=labels)
    for path in ("onnx/model.onnx", "onnx/model.onnx_data"):
        assert (again / path).read_bytes() == (folder / path).read_bytes()


def test_the_graph_is_sound_and_says_what_it_takes(pair: tuple[str, Path, Path]) -> None:
    path = pair[2] / "onnx" / "model.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(path, load_external_data=False).graph
    inputs = {
        one.name: (one.type.tensor_type.elem_type, [dim.dim_param for dim in one.type.tensor_type.shape.dim])
        for one in graph.input
    }
    shape = (onnx.TensorProto.INT64, ["batch", "sequence"])
    assert inputs == {"input_ids": shape, "attention_mask": shape}
    assert [one.name for one in graph.output] == ["logits"]
    heavy = [one for one in graph.initializer if len(one.dims) == 2]
    assert all(one.data_location == onnx.TensorProto.EXTERNAL for one in heavy)
    assert {entry.value for one in heavy for entry in one.external_data if entry.key == "location"} == {
        "model.onnx_data"
    }


# The forms no demonstration model has: the formulas themselves.

CONFIG: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 20, "max_position_embeddings": 30, "type_vocab_size": 2, "hidden_act": "gelu",
    "layer_norm_eps": 1e-3, "pad_token_id": 0, "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
}  # fmt: skip
ROBERTA: dict[str, Any] = {
    "model_type": "roberta",
    "architectures": ["RobertaForSequenceClassification"],
    "pad_token_id": 1,
}


def weights_of(config: Mapping[str, Any], *, labels: int, is_tokens: bool = False) -> Tensors:
    """Random weights of a network, under the names that transformers gives them."""
    rng = np.random.default_rng(11)
    prefix = "bert." if config["model_type"] == "bert" else "roberta."
    width, inner = config["hidden_size"], config["intermediate_size"]
    found: Tensors = {}

    def add(name: str, *shape: int) -> None:
        found[name] = rng.normal(0, 0.5, shape).astype(np.float32)

    def dense(name: str, into: int, out_of: int) -> None:
        add(f"{name}.weight", into, out_of)
        add(f"{name}.bias", into)

    for name, count in (
        ("word", config["vocab_size"]),
        ("position", config["max_position_embeddings"]),
        ("token_type", config["type_vocab_size"]),
    ):
        add(f"{prefix}embeddings.{name}_embeddings.weight", count, width)
    norms = [f"{prefix}embeddings.LayerNorm"]
    for number in range(config["num_hidden_layers"]):
        layer = f"{prefix}encoder.layer.{number}"
        for name in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
        ):
            dense(f"{layer}.{name}", width, width)
        dense(f"{layer}.intermediate.dense", inner, width)
        dense(f"{layer}.output.dense", width, inner)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        add(f"{norm}.weight", width)
        add(f"{norm}.bias", width)
    if is_tokens:
        dense("classifier", labels, width)
    elif prefix == "bert.":
        dense("bert.pooler.dense", width, width)
        dense("classifier", labels, width)
    else:
        dense("classifier.dense", width, width)
        dense("classifier.out_proj", labels, width)
    return found


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def reference(config: Mapping[str, Any], given: Tensors, ids: list[int], *, is_tokens: bool = False) -> Array:
    """The logits of one row without padding, in float64."""
    w = {name: value.astype(np.float64) for name, value in given.items()}
    prefix = "bert." if config["model_type"] == "bert" else "roberta."
    heads, size = config["num_attention_heads"], config["hidden_size"] // config["num_attention_heads"]

    def dense(x: Array, name: str) -> Array:
        return np.add(x @ w[f"{name}.weight"].T, w[f"{name}.bias"])

    def norm(x: Array, name: str) -> Array:
        middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        plain: Array = (x - middle) / np.sqrt(spread + config["layer_norm_eps"])
        return np.add(plain * w[f"{name}.weight"], w[f"{name}.bias"])

    tables = [
        w[f"{prefix}embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    ]
    first = 0 if prefix == "bert." else config["pad_token_id"] + 1
    x = tables[0][ids] + tables[1][np.arange(len(ids)) + first] + tables[2][0]
    x = norm(x, f"{prefix}embeddings.LayerNorm")
    for number in range(config["num_hidden_layers"]):
        layer = f"{prefix}encoder.layer.{number}"
        q, k, v = (
            dense(x, f"{layer}.attention.self.{name}").reshape(-1, heads, size).swapaxes(0, 1)
            for name in ("query", "key", "value")
        )
        scores = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(size))
        seen = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), -1)
        x = norm(dense(seen, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output.LayerNorm")
        inner = ACTIVATIONS[config["hidden_act"]](dense(x, f"{layer}.intermediate.dense"))
        x = norm(dense(inner, f"{layer}.output.dense") + x, f"{layer}.output.LayerNorm")
    if is_tokens:
        return dense(x, "classifier")
    if prefix == "bert.":
        return dense(np.tanh(dense(x[0], "bert.pooler.dense")), "classifier")
    return dense(np.tanh(dense(x[0], "classifier.dense")), "classifier.out_proj")


def write(folder: Path, config: Mapping[str, Any], tensors: Tensors, dtype: str = "F32") -> Path:
    folder.mkdir()
    header, body = {}, b""
    for name, value in tensors.items():
        data = value.tobytes()
        if dtype == "F16":
            data = value.astype(np.float16).tobytes()
        elif dtype == "BF16":
            data = (value.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": offsets}
        body += data
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + body)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def run(folder: Path, rows: list[list[int]], padding: int) -> Array:
    ids = np.full((len(rows), max(map(len, rows))), padding)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)], mask[number, : len(row)] = row, 1
    engine = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"))
    found: Array = engine.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    return found


ROWS = [[5, 6, 7], [39, 8, 8, 30, 12, 5, 6], [9]]
FORMS: dict[str, dict[str, Any]] = {
    "bert": {},
    "bert, the tanh form of gelu": {"hidden_act": "gelu_new"},
    "bert, relu": {"hidden_act": "relu"},
    "bert, one layer": {"num_hidden_layers": 1},
    "bert, another epsilon": {"layer_norm_eps": 0.5},
    "roberta": ROBERTA,
    "roberta, padding is 3": ROBERTA | {"pad_token_id": 3},
    "xlm-roberta": ROBERTA
    | {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForSequenceClassification"]},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_computes_its_formulas(form: str, tmp_path: Path) -> None:
    config = CONFIG | FORMS[form]
    tensors = weights_of(config, labels=4)
    folder = made(write(tmp_path / "model", config, tensors), labels=4)
    found = run(folder, ROWS, config["pad_token_id"])
    assert found.shape == (3, 4)
    for row, logits in zip(ROWS, found, strict=True):
        assert logits == pytest.approx(reference(config, tensors, row), abs=1e-4)


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_a_token_classifier_scores_each_token(family: str, tmp_path: Path) -> None:
    config = CONFIG | (ROBERTA if family == "Roberta" else {})
    config["architectures"] = [f"{family}ForTokenClassification"]
    tensors = weights_of(config, labels=7, is_tokens=True)
    folder = made(write(tmp_path / "model", config, tensors), task="token-classification", labels=7)
    found = run(folder, ROWS, config["pad_token_id"])
    assert found.shape == (3, 7, 7)
    for row, logits in zip(ROWS, found, strict=True):
        expected = reference(config, tensors, row, is_tokens=True)
        assert logits[: len(row)] == pytest.approx(expected, abs=1e-4)
    served = session.load(folder, labels=7, per_token=True)(ROWS)
    assert [one.shape for one in served] == [(len(row), 7) for row in ROWS]


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_halves_are_widened(dtype: str, tmp_path: Path) -> None:
    tensors = weights_of(CONFIG, labels=4)
    if dtype == "F16":
        tensors = {name: value.astype(np.float16).astype(np.float32) for name, value in tensors.items()}
    else:
        tensors = {
            name: (value.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, value in tensors.items()
        }
    folder = made(write(tmp_path / "model", CONFIG, tensors, dtype), labels=4)
    assert run(folder, ROWS[:1], 0)[0] == pytest.approx(reference(CONFIG, tensors, ROWS[0]), abs=1e-4)


def test_a_volume_without_room_is_told_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "model", CONFIG, weights_of(CONFIG, labels=4))
    usage = shutil.disk_usage(tmp_path)._replace(free=16 << 20)  # the graph needs some more
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FetchError) as failed:
        made(folder, labels=4)
    assert failed.value.reason is Reason.OUT_OF_SPACE
    assert not (folder / "onnx").exists()


def test_a_matrix_larger_than_one_piece_of_reading_is_whole(tmp_path: Path) -> None:
    config = CONFIG | {"vocab_size": 400_000}  # 19 MB of word vectors
    tensors = weights_of(config, labels=4)
    folder = made(write(tmp_path / "model", config, tensors), labels=4)
    row = [5, 199_999, 399_999, 262_144]
    assert run(folder, [row], 0)[0] == pytest.approx(reference(config, tensors, row), abs=1e-4)
