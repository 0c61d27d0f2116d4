"""Graphs are looked at as bytes before an engine opens them: sound ones pass however they hold constants.

What is refused is tried in tests/attacks/predictors.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from veriaidpo_predictor.computing import graph_check, session
from veriaidpo_predictor.computing.graph_check import HostileGraphError

Repository = Callable[..., dict[str, bytes]]


def with_constants(sound: bytes, *tensors: TensorProto) -> bytes:
    model = onnx.load_from_string(sound)
    model.graph.initializer.extend(tensors)
    return bytes(model.SerializeToString())


def written(folder: Path, graph: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(graph)
    return path


@pytest.mark.parametrize(
    "tensor",
    [
        numpy_helper.from_array(np.zeros((3, 4), np.float32), "raw"),
        numpy_helper.from_array(np.array(1.0), "a scalar"),
        numpy_helper.from_array(np.zeros((0, 4), np.int64), "empty"),
        numpy_helper.from_array(np.array(["", "a"], dtype=object), "texts"),
        helper.make_tensor("floats", TensorProto.FLOAT, [2], [1, 2]),
        helper.make_tensor("halves", TensorProto.FLOAT16, [2], [1, 2]),
        helper.make_tensor("complex", TensorProto.COMPLEX64, [1], [complex(1, 1)]),  # type: ignore[list-item]
        helper.make_tensor("small", TensorProto.INT8, [3], [0, 1, -1]),
        helper.make_tensor("large", TensorProto.INT64, [2], [0, -1]),
        helper.make_tensor("unsigned", TensorProto.UINT64, [2], [0, 1]),
        helper.make_tensor("two in a byte", TensorProto.INT4, [3], [1, 2, 3]),
        helper.make_tensor("two in a raw byte", TensorProto.UINT4, [3], b"\x21\x03", raw=True),
    ],
    ids=lambda tensor: tensor.name,
)
def test_sound_constants_of_every_kind(tmp_path: Path, repository: Repository, tensor: TensorProto) -> None:
    graph_check.check(written(tmp_path, with_constants(repository()["onnx/model.onnx"], tensor)))


@pytest.mark.parametrize("name", ["model.onnx_data", "model.onnx.data"])
def test_constants_beside_a_graph(tmp_path: Path, repository: Repository, name: str) -> None:
    model = onnx.load_from_string(repository()["onnx/model.onnx"])
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location=name, size_threshold=0)
    graph_check.check(tmp_path / "model.onnx")
    data = tmp_path / name
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(HostileGraphError, match="is not where in"):
        graph_check.check(tmp_path / "model.onnx")
    data.unlink()
    data.symlink_to("/etc/passwd")
    with pytest.raises(HostileGraphError, match="does not have"):
        graph_check.check(tmp_path / "model.onnx")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0), byte=st.integers(0, 255), cut=st.booleans())
def test_no_bytes_do_more_than_be_refused(
    tmp_path: Path, repository: Repository, at: int, byte: int, cut: bool
) -> None:
    sound = repository()["onnx/model.onnx"]
    at %= len(sound)
    graph = sound[:at] + bytes([byte]) + (b"" if cut else sound[at + 1 :])
    with suppress(HostileGraphError):
        graph_check.check(written(tmp_path, graph))


def test_a_hostile_graph_that_somebody_else_published_is_not_opened(
    volume: Path, publish_to: Callable[..., Path], repository: Repository
) -> None:
    evil = TensorProto(name="evil", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b"1234")
    graph = with_constants(repository()["onnx/model.onnx"], evil)
    directory = publish_to(volume, content=repository() | {"onnx/model.onnx": graph})
    with pytest.raises(
        session.SessionError, match=r"onnx/model.onnx is not opened: the constant 'evil' says"
    ):
        session.load(directory, labels=3)
