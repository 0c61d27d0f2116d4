"""Golden sentences may be older than the operators: where these alone fail them, they are done without."""

import logging
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from veriaidpo_predictor.computing import runtimes
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.network import Run
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.registry import open_models
from veriaidpo_predictor.serving.served import Served, State

from ..conftest import Process
from .foreign import INPUTS, embedded
from .int8_layers import Network

Publish = Callable[..., Path]
Repository = Callable[..., dict[str, bytes]]
TEXT = "The customer does agree."
PLAIN, OURS, NEITHER = "consent", "contract", "duty"


def graph() -> bytes:
    """Tells the operators from ONNX Runtime's own by the last bits of GELU: contract, and consent without."""
    network = Network()
    x = embedded(network, 8)
    twins = []
    for _ in range(2):  # one has the operators; the other, of the same numbers, is of levels of its own
        network.rng = np.random.default_rng(1)
        twins.append(network.op("Gelu", network.layer(x, 8, 8)))
    apart = network.op("Abs", network.op("Sub", *twins))
    most = network.op("ReduceMax", apart, network.constant(np.array([1, 2])), keepdims=0)
    columns = network.constant(np.array([1]))
    ours = network.op("Unsqueeze", network.op("Mul", most, network.number(1e9)), columns)
    nothing = network.op("Mul", ours, network.number(0))
    scores = [
        network.op("Add", one, network.number(add)) for one, add in ((nothing, 1), (ours, 0), (nothing, -1))
    ]
    network.op("Concat", *scores, axis=1)
    model = onnx.load_from_string(network.model(network.out("Concat"), inputs=INPUTS))
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info(network.out("Concat"), TensorProto.FLOAT, ["rows", 3])
    )
    return bytes(model.SerializeToString())


@pytest.fixture
def published(volume: Path, publish_to: Publish, repository: Repository) -> Callable[..., Path]:
    def publish(*labels: str) -> Path:
        golden = [{"text": TEXT, "label": label} for label in labels]
        content = repository() | {"onnx/model.onnx": graph()}
        return publish_to(volume, content=content, goldenSentences=golden)

    return publish


@pytest.fixture
def load(published: Callable[..., Path], with_kernels: Path) -> Iterator[Callable[..., Served]]:
    pool = Pool(1)

    def load(*labels: str) -> Served:
        (model,) = open_models([published(*labels)], pool=pool, limits=Limits())
        model.load()
        return model

    yield load
    pool.stop()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_what_the_operators_answer_rightly_is_served_with_them(
    load: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    model = load(OURS)
    assert (model.state, model.is_fused, warnings(caplog)) == (State.READY, True, [])


def test_what_they_alone_answer_wrongly_is_served_without_and_the_log_says_why(
    load: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model = load(PLAIN, PLAIN)
    assert (model.state, model.reason, model.is_fused) == (State.READY, "", False)
    told = "a model answers without the operators: Golden sentence 1 got contract, not consent."
    assert warnings(caplog) == [told]
    for one in caplog.records:
        assert TEXT not in str(vars(one))
    (warning,) = (one for one in caplog.records if one.getMessage() == told)
    (ready,) = (one for one in caplog.records if one.getMessage() == "model ready")
    assert (vars(warning)["model"], vars(warning)["fused"], vars(ready)["fused"]) == ("tiny-en", False, False)


@pytest.mark.parametrize("labels", [(NEITHER,), (OURS, PLAIN)])
def test_what_is_answered_wrongly_either_way_is_rejected(
    load: Callable[..., Served], caplog: pytest.LogCaptureFixture, labels: tuple[str, ...]
) -> None:
    model = load(*labels)
    assert (model.state, model.is_fused, warnings(caplog)) == (State.REJECTED, False, [])
    assert model.reason == f"Golden sentence 1 got consent, not {labels[0]}."


def test_what_was_opened_first_is_let_go_before_the_graph_is_opened_again(
    load: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[weakref.ref[Any]] = []
    were_there: list[int] = []
    original = runtimes.load

    def watched(*given: Any, **how: Any) -> Run:
        were_there.append(sum(one() is not None for one in opened))
        found = original(*given, **how)
        opened.append(weakref.ref(found))
        return found

    monkeypatch.setattr(runtimes, "load", watched)
    assert load(PLAIN).state is State.READY
    assert were_there == [0, 0]


@pytest.mark.parametrize(("label", "ending"), [(OURS, "/fused"), (PLAIN, "")])
def test_the_metadata_of_a_model_says_which_it_is(
    published: Callable[..., Path], serve: Callable[..., Process], kernels: Path, label: str, ending: str
) -> None:
    process = serve(published(label), "--no-auth", environment={"VERIAIDPO_KERNELS": str(kernels)})
    process.until_ready()
    with process.client() as client:
        assert client.get("/v2/models/tiny-en").json()["platform"] == f"onnx-fp32/any{ending}"
        given = {"instances": [TEXT]}
        found = client.post("/v1/models/tiny-en:predict", json=given).json()["predictions"]
    assert [one["label"] for one in found] == [label]
