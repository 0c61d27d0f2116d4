"""Holds graphs that a fetch makes from weights against torch itself, on networks with random weights.

Two steps, since torch and the predictor live in different environments; the second exits 1 when they differ:

    .venv/demo/bin/python       hack/demo/made_graphs.py write FOLDER
    .venv/predictors/bin/python hack/demo/made_graphs.py compare FOLDER

Not a part of `make test`, which has no torch.
"""

# ruff: noqa: PLC0415  each step imports what its environment has
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = 1e-4
LABELS = 5
SMALL = {
    "vocab_size": 300, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 96, "max_position_embeddings": 80,
}  # fmt: skip
PHOBERT = {"vocab_size": 64_001, "max_position_embeddings": 258, "layer_norm_eps": 1e-5, "type_vocab_size": 1}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("Bert", "Sequence", SMALL),
    "bert-gelu-new": ("Bert", "Sequence", SMALL | {"hidden_act": "gelu_new"}),
    "bert-gelu-tanh": ("Bert", "Sequence", SMALL | {"hidden_act": "gelu_pytorch_tanh"}),
    "bert-gelu-fast": ("Bert", "Sequence", SMALL | {"hidden_act": "gelu_fast"}),
    "bert-relu-bfloat16": ("Bert", "Sequence", SMALL | {"hidden_act": "relu", "dtype": "bfloat16"}),
    "bert-tokens": ("Bert", "Token", SMALL),
    "roberta": ("Roberta", "Sequence", SMALL),
    "roberta-tokens": ("Roberta", "Token", SMALL),
    "roberta-float16": ("Roberta", "Sequence", SMALL | {"dtype": "float16"}),
    "xlm-roberta": ("XLMRoberta", "Sequence", SMALL),
    "xlm-roberta-tokens": ("XLMRoberta", "Token", SMALL),
    "phobert-base-size": ("Roberta", "Sequence", PHOBERT),
}


def write(folder: Path) -> None:
    """Save each network as transformers does, with a padded batch and torch's logits for it."""
    import torch
    import transformers

    for number, (name, (family, head, config)) in enumerate(CASES.items()):
        torch.manual_seed(number)
        settings = {key: value for key, value in config.items() if key != "dtype"}
        asked = getattr(transformers, f"{family}Config")(
            num_labels=LABELS, initializer_range=0.1, attn_implementation="eager", **settings
        )
        network = getattr(transformers, f"{family}For{head}Classification")(asked).eval()
        stored = getattr(torch, config.get("dtype", "float32"))
        network.to(stored).save_pretrained(folder / name, safe_serialization=True)
        ids, mask = batch(asked.vocab_size, asked.pad_token_id)
        with torch.no_grad():  # what is stored in halves is computed in float32, as the predictor does
            logits = network.float()(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()
        np.savez(folder / name / "expected.npz", ids=ids, mask=mask, logits=logits)


def batch(vocabulary: int, padding: int) -> tuple[Any, Any]:
    """Give ids and mask of rows of very different lengths."""
    rng = np.random.default_rng(vocabulary)
    lengths = [70, 1, 33, 2, 64]
    ids = np.full((len(lengths), max(lengths)), padding, dtype=np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = rng.integers(5, vocabulary, length)
    return ids, (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)


def compare(folder: Path) -> int:
    """Make the graphs, run them, and print the largest difference of each."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is imported: it would report its use
    import onnxruntime

    from veriaidpo_predictor.converting import convert, graph_config

    worst = 0.0
    for name, (_, head, _) in CASES.items():
        model = folder / name
        task: Any = "token-classification" if head == "Token" else "text-classification"
        network = graph_config.read(model / "config.json", task=task, labels=LABELS, max_tokens=64)
        for old in (model / "onnx").glob("*"):
            old.unlink()
        convert.convert(model, network)
        expected = np.load(model / "expected.npz")
        engine = onnxruntime.InferenceSession(str(model / "onnx" / "model.onnx"))
        ids, mask = expected["ids"], expected["mask"]
        found = engine.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        counts = mask.astype(bool) if head == "Token" else np.ones(len(ids), dtype=bool)
        apart = float(np.abs(found - expected["logits"])[counts].max())
        print(f"{name:24} {apart:.1e} of {np.abs(expected['logits'][counts]).max():.2f}")
        worst = max(worst, apart)
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in {"write", "compare"}:
        sys.exit(__doc__)
    sys.exit((write if sys.argv[1] == "write" else compare)(Path(sys.argv[2])))
