"""Families of transformers behind the same API as the rest, on tiny networks with random weights.

They need torch, which the room has not: `hack/env --torch predictors` makes an environment that has.
"""

import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.unusable import UnusableError
from veriaidpo_predictor.converting import convert, graph_config

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs torch: hack/env --torch predictors"
)

SMALL = {
    "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 64, "max_position_embeddings": 80,
}  # fmt: skip
DISTIL = {
    "vocab_size": 60, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 80
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "Bert": SMALL,
    "Roberta": SMALL,
    "XLMRoberta": SMALL,
    "DistilBert": DISTIL,
    "Electra": SMALL | {"embedding_size": 16},
    "DebertaV2": SMALL | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
}
WITH_A_GRAPH = ("Bert", "Roberta", "XLMRoberta")
HEADS = {"Sequence": "text-classification", "Token": "token-classification"}
ROWS = [[5, *range(10, 10 + length), 6] for length in (1, 7, 3, 30)]
LABELS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Any]]:
    """Make a network; gives its folder, as transformers saves it, and the network itself."""
    torch, transformers = (importlib.import_module(name) for name in ("torch", "transformers"))

    def make(family: str, head: str = "Sequence", **changes: Any) -> tuple[Path, Any]:
        torch.manual_seed(7)
        settings = {"pad_token_id": 1} | FAMILIES[family] | changes
        config = getattr(transformers, f"{family}Config")(
            num_labels=LABELS, initializer_range=0.2, **settings
        )
        network = getattr(transformers, f"{family}For{head}Classification")(config).eval()
        folder = tmp_path_factory.mktemp(family)
        network.save_pretrained(folder)
        return folder, network

    return make


def alone(network: Any, row: list[int]) -> Any:
    torch = importlib.import_module("torch")
    with torch.no_grad():
        return network(input_ids=torch.tensor([row])).logits[0].numpy()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_text_of_a_batch_gets_what_the_network_gives_it_alone(
    made: Callable[..., tuple[Path, Any]], family: str, head: str
) -> None:
    from veriaidpo_predictor.computing import torch_network  # noqa: PLC0415

    folder, network = made(family, head)
    found = torch_network.load(folder, labels=LABELS, per_token=head == "Token")(ROWS)
    for row, one in zip(ROWS, found, strict=True):
        np.testing.assert_allclose(one, alone(network, row), atol=1e-4)
    assert np.ptp(np.stack([one.ravel()[:LABELS] for one in found]), axis=0).max() > 1e-3  # they differ


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", WITH_A_GRAPH)
def test_the_graph_made_of_the_same_weights_gives_the_same(
    made: Callable[..., tuple[Path, Any]], family: str, head: str
) -> None:
    from veriaidpo_predictor.computing import torch_network  # noqa: PLC0415

    folder, _ = made(family, head)
    per_token = head == "Token"
    network = graph_config.read(folder / "config.json", task=HEADS[head], labels=LABELS, max_tokens=64)  # type: ignore[arg-type]
    convert.convert(folder, network)
    ours = session.load(folder, labels=LABELS, per_token=per_token)(ROWS)
    theirs = torch_network.load(folder, labels=LABELS, per_token=per_token)(ROWS)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(session.softmax(one.reshape(-1, LABELS)),
                                   session.softmax(other.reshape(-1, LABELS)), atol=1e-3)  # fmt: skip


def test_weights_that_are_missing_are_never_made_up(made: Callable[..., tuple[Path, Any]]) -> None:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    from veriaidpo_predictor.computing import torch_network  # noqa: PLC0415

    folder, _ = made("Bert")
    weights = load_file(folder / "model.safetensors")
    save_file({name: one for name, one in weights.items() if "classifier" not in name},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(UnusableError, match="lacks weights"):
        torch_network.load(folder, labels=LABELS, per_token=False)


def test_code_of_a_repository_is_never_run(made: Callable[..., tuple[Path, Any]], tmp_path: Path) -> None:
    from veriaidpo_predictor.computing import torch_network  # noqa: PLC0415

    folder, _ = made("Bert")
    config = json.loads((folder / "config.json").read_text())
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w')\nfrom transformers import BertConfig as C, BertModel as N"
    (folder / "theirs.py").write_text(code)
    names = {"AutoConfig": "theirs.C", "AutoModelForSequenceClassification": "theirs.N"}
    for kind in ("bert", "theirs"):
        (folder / "config.json").write_text(json.dumps(config | {"auto_map": names, "model_type": kind}))
        try:
            torch_network.load(folder, labels=LABELS, per_token=False)
        except UnusableError:
            continue
    assert not ran.exists()


def test_it_is_served_as_any_other_model(
    made: Callable[..., tuple[Path, Any]],
    tmp_path: Path,
    publish_to: Callable[..., Path],
    repository: Callable[..., dict[str, bytes]],
    serve: Callable[..., Any],
) -> None:
    folder, network = made("Electra", vocab_size=15, pad_token_id=0)
    content = {name: data for name, data in repository().items() if not name.startswith("onnx/")}
    content |= {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    revision = publish_to(tmp_path, content=content, format="torch-fp32", goldenSentences=[])
    process = serve(revision, "--no-auth", environment=dict(os.environ))
    process.until_ready()
    with process.client() as client:
        body = {"instances": ["The customer.", "An order is a contract of law."]}
        found = client.post("/v1/models/tiny-en:predict", json=body).json()["predictions"]
    assert set(found[0]) == {"category_id", "label", "probabilities", "tokens", "truncated"}
    logits = alone(network, [2, 11, 13, 1, 3])  # [CLS] the customer [UNK] [SEP]
    assert found[0]["probabilities"] == pytest.approx(session.softmax(logits[None])[0].tolist(), abs=1e-3)
