"""What may be wrong with a safetensors file or a config.json: each is refused in a sentence that names it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_predictor.converting import graph, graph_config
from veriaidpo_predictor.converting.graph_weights import Weights
from veriaidpo_predictor.outcome import FetchError, Reason

BEGIN = "model.safetensors cannot be converted: "
QUERY = "roberta.encoder.layer.1.attention.self.query.weight"
Header = dict[str, Any]


@pytest.fixture
def model(demo_models: Path) -> Path:
    return demo_models / "principles-vi"


@pytest.fixture
def parts(model: Path) -> tuple[Header, bytes]:
    """The header of a sound file, and the bytes of its tensors."""
    raw = (model / "model.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def packed(header: Header | bytes, body: bytes) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def read(path: Path, config: Path) -> None:
    """All that is looked at before a byte is written."""
    network = graph_config.read(config, task="text-classification", labels=8, max_tokens=256)
    _, made = graph.build(network, Weights(path), data="model.onnx_data")
    for matrix in made.file.matrices:
        for _ in matrix.blocks():
            pass


def refusal(path: Path, config: Path) -> str:
    with pytest.raises(FetchError) as failed:
        read(path, config)
    assert failed.value.reason is Reason.UNSUPPORTED_FORMAT
    message = str(failed.value)
    assert message.startswith(BEGIN)
    assert message.endswith(".")
    return message.removeprefix(BEGIN)[:-1]


def test_the_file_these_are_made_of_is_sound(
    model: Path, parts: tuple[Header, bytes], tmp_path: Path
) -> None:
    (tmp_path / "sound").write_bytes(packed(*parts))
    read(tmp_path / "sound", model / "config.json")


def stretched(entry: Header) -> None:
    entry["data_offsets"][1] += 4


WRONG_ENTRIES: list[tuple[Callable[[Header], object], str]] = [
    (lambda e: e.update(shape=[64, 256]), "has the shape [64, 256], and by config.json it is [128, 128]"),
    (lambda e: e.update(shape=[128, 127]), "has another length than its shape needs"),
    (stretched, "has another length than its shape needs"),
    (lambda e: e.update(shape=[128, -128]), "has a shape or offsets that are none"),
    (lambda e: e.update(shape=[1 << 60, 1 << 60]), "has a shape or offsets that are none"),
    (lambda e: e.update(shape=[True, 128]), "has a shape or offsets that are none"),
    (lambda e: e.update(shape="128"), "has a shape or offsets that are none"),
    (lambda e: e.update(data_offsets=[0]), "has a shape or offsets that are none"),
    (lambda e: e.update(data_offsets=[-4, 65532]), "has a shape or offsets that are none"),
    (lambda e: e.update(data_offsets=[9, 3]), "has another length than its shape needs"),
    (lambda e: e.update(dtype="F31"), "is of an unknown type"),
    (lambda e: e.update(dtype=["F32"]), "is of an unknown type"),
    (lambda e: e.update(dtype="I32"), "is I32; only F32, F16 and BF16 can be converted"),
    (lambda e: e.update(more=1), "is not described by dtype, shape and data_offsets"),
    (lambda e: e.clear(), "is not described by dtype, shape and data_offsets"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG_ENTRIES)
def test_a_wrong_entry_is_named(
    spoil: Callable[[Header], object],
    said: str,
    model: Path,
    parts: tuple[Header, bytes],
    tmp_path: Path,
) -> None:
    header, body = parts
    spoil(header[QUERY])
    (tmp_path / "bad").write_bytes(packed(header, body))
    assert refusal(tmp_path / "bad", model / "config.json") == f"the tensor {QUERY} {said}"


def test_a_missing_tensor_is_named(model: Path, parts: tuple[Header, bytes], tmp_path: Path) -> None:
    header, body = parts
    header["another"] = header.pop(QUERY)
    (tmp_path / "bad").write_bytes(packed(header, body))
    assert refusal(tmp_path / "bad", model / "config.json") == f"the tensor {QUERY} is missing"


def test_a_tensor_that_the_config_has_no_place_for_is_named(
    model: Path, parts: tuple[Header, bytes], tmp_path: Path
) -> None:
    """Else half a model would be served for a whole one."""
    config = json.loads((model / "config.json").read_bytes()) | {"num_hidden_layers": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "bad").write_bytes(packed(*parts))
    said = refusal(tmp_path / "bad", tmp_path / "config.json")
    assert said.startswith("the tensor roberta.encoder.layer.1.")
    assert said.endswith(" has no place in the network of config.json")


def test_overlaps_holes_and_tails_are_named(model: Path, parts: tuple[Header, bytes], tmp_path: Path) -> None:
    header, body = parts
    config, bad = model / "config.json", tmp_path / "bad"
    begin, end = header[QUERY]["data_offsets"]
    header[QUERY]["data_offsets"] = [begin - 4, end - 4]
    bad.write_bytes(packed(header, body))
    assert refusal(bad, config) == f"the tensor {QUERY} overlaps another"
    header[QUERY]["data_offsets"] = [begin, end]
    last = max(
        (name for name in header if name != "__metadata__"), key=lambda one: header[one]["data_offsets"][1]
    )
    gap = [offset + 4 for offset in header[last]["data_offsets"]]
    bad.write_bytes(packed(header | {last: header[last] | {"data_offsets": gap}}, body + bytes(4)))
    assert refusal(bad, config) == f"the tensor {last} leaves a hole before it"
    bad.write_bytes(packed(header, body + bytes(4)))
    assert refusal(bad, config) == "4 bytes at its end belong to no tensor"
    bad.write_bytes(packed(header, body[:-4]))
    assert refusal(bad, config) == f"the tensor {last} lies beyond the end of the file"


def test_values_that_are_not_finite_are_named(
    model: Path, parts: tuple[Header, bytes], tmp_path: Path
) -> None:
    header, body = parts
    begin = header[QUERY]["data_offsets"][0]
    spoilt = body[: begin + 40] + np.float32(np.nan).tobytes() + body[begin + 44 :]
    (tmp_path / "bad").write_bytes(packed(header, spoilt))
    expected = f"the tensor {QUERY} holds values that are not finite"
    assert refusal(tmp_path / "bad", model / "config.json") == expected


ONE = '"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
NOT_HEADERS: list[tuple[bytes, str]] = [
    (b"", "its header is longer than the file or than is believable"),
    (b"\x01\x02\x03", "its header is longer than the file or than is believable"),
    ((1 << 62).to_bytes(8, "little") + b"{}", "its header is longer than the file or than is believable"),
    (packed(b" " * (17 << 20), b""), "its header is longer than the file or than is believable"),
    (packed(b"{", b""), "its header is not JSON"),
    (packed(b"\xff\xfe", b""), "its header is not JSON"),
    (packed(b"[" * 100_000, b""), "its header is not JSON"),
    (packed(b"[]", b""), "its header is not a list of tensors"),
    (packed(b"{" + ONE.encode() + b"," + ONE.encode() + b"}", b"x"), "its header has t twice"),
    (packed(b'{"a\\nb":1}', b""), "the tensor 'a\\nb' is not described by dtype, shape and data_offsets"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), NOT_HEADERS)
def test_what_is_no_header_is_said_to_be_none(content: bytes, said: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    assert refusal(tmp_path / "bad", model / "config.json") == said


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "U8", "F4"]) | _JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | _JSON,
        "data_offsets": st.lists(st.integers(-1, 40), min_size=2, max_size=2) | _JSON,
    }
)


@settings(deadline=None, max_examples=200)
@given(
    st.binary(max_size=64) | st.dictionaries(st.text(max_size=4), _ENTRIES | _JSON, max_size=4), st.binary()
)
def test_whatever_the_bytes_are_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, header: bytes | Header, body: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "model.safetensors"
    path.write_bytes(packed(header, body))
    try:
        sizes, reason = [one.end - one.begin for one in Weights(path).tensors.values()], None
    except FetchError as error:
        sizes, reason = [], error.reason
    assert reason is Reason.UNSUPPORTED_FORMAT or sum(sizes) == len(body)


WRONG_CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "mpnet"}, "model_type: Input should be 'bert', 'roberta' or 'xlm-roberta'"),
    ({"hidden_act": "silu"}, "hidden_act: Input should be 'gelu', "),
    ({"position_embedding_type": "relative_key"}, "position_embedding_type: Input should be 'absolute'"),
    ({"is_decoder": True}, "is_decoder: Input should be False"),
    ({"hidden_size": 0}, "hidden_size: Input should be greater than or equal to 1"),
    ({"hidden_size": "128"}, "hidden_size: Input should be a valid integer"),
    ({"num_attention_heads": 7}, "its hidden size is not a multiple of its attention heads"),
    (
        {"architectures": ["RobertaForMaskedLM"]},
        "its architecture is RobertaForMaskedLM, and RobertaForSequenceClassification is expected",
    ),
    ({"max_position_embeddings": 130}, "it takes at most 128 tokens, and 256 are asked for"),
    ({"max_position_embeddings": 10**9}, "max_position_embeddings: Input should be less than"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_CONFIGS)
def test_a_network_that_is_not_known_is_refused(
    change: dict[str, Any], said: str, model: Path, tmp_path: Path
) -> None:
    config = json.loads((model / "config.json").read_bytes()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FetchError) as failed:
        graph_config.read(tmp_path / "config.json", task="text-classification", labels=8, max_tokens=256)
    assert failed.value.reason is Reason.UNSUPPORTED_FORMAT
    assert str(failed.value).startswith("The source has no onnx/model.onnx, and none can be made: ")
    assert said in str(failed.value)
