"""A model's folder as it would lie on a hub: config, tokenizer, weights, ONNX graph, labels, model card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import PreTrainedModel

from network import padded
from specs import CLASSIFICATION, TAGGING, Spec

OPSET = 17
MAX_BYTES = 4_000_000
MAX_DIFFERENCE = 1e-4


def write_weights(network: PreTrainedModel, folder: Path, stored: str) -> None:
    """Write config.json and model.safetensors, the weights as `stored`, which loses nothing of them."""
    network.train(mode=False)
    network.to(getattr(torch, stored)).save_pretrained(folder, safe_serialization=True)
    network.float()
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config = {k: v for k, v in config.items() if k not in {"_name_or_path", "attn_implementation"}}
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


class _Logits(torch.nn.Module):
    def __init__(self, network: PreTrainedModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return out


def export(network: PreTrainedModel, path: Path, sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Write a classifier's graph as torch publishes it; `sample` are ids and mask of any batch."""
    path.parent.mkdir(exist_ok=True)
    network.train(mode=False)
    axes = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        _Logits(network).eval(),
        sample,
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )


def write_onnx(network: PreTrainedModel, folder: Path, ids: Sequence[Sequence[int]], pad: int) -> float:
    """Write onnx/model.onnx and compare it with the network on `ids`, alone and padded.

    Returns the largest difference of any logit; raises RuntimeError when it is above MAX_DIFFERENCE.
    """
    path = folder / "onnx" / "model.onnx"
    export(network, path, padded(ids[:3], pad))
    onnx.checker.check_model(str(path))
    return difference(network, folder, ids, pad)


def difference(network: PreTrainedModel, folder: Path, ids: Sequence[Sequence[int]], pad: int) -> float:
    """Compare the folder's graph with the network, as `write_onnx` says."""
    path = folder / "onnx" / "model.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for size in (1, 8, 32):
        for start in range(0, min(len(ids), 4 * size), size):
            rows, mask = padded(ids[start : start + size], pad)
            with torch.inference_mode():
                wanted = network(input_ids=rows, attention_mask=mask).logits.numpy()
            (got,) = session.run(["logits"], {"input_ids": rows.numpy(), "attention_mask": mask.numpy()})
            worst = max(worst, float(np.abs(wanted - got).max()))
    if worst > MAX_DIFFERENCE:
        raise RuntimeError(f"{path} differs by {worst:.2e} from the network")
    return worst


def check_sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file; raises RuntimeError for one above MAX_BYTES."""
    sizes = {
        p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()
    }
    if large := [name for name, size in sizes.items() if size > MAX_BYTES]:
        raise RuntimeError(f"{folder.name}: above {MAX_BYTES} bytes: {', '.join(large)}")
    return sizes


def write_labels(labels: Sequence[dict[str, str]], folder: Path) -> None:
    """Write labels.json: id and both names of every label, in order."""
    (folder / "labels.json").write_text(
        json.dumps(list(labels), indent=2, ensure_ascii=False) + "\n", "utf-8"
    )


def write_card(folder: Path, spec: Spec, *, figures: str) -> None:
    """Write README.md, the model card."""
    labels = "\n".join(
        f"{i}. `{label['id']}`: {label['en']} / {label['vi']}" for i, label in enumerate(spec.labels)
    )
    texts = _TEXTS[spec.task]
    card = _CARD.format(
        name=spec.name,
        language=spec.language,
        task=spec.task,
        base=spec.base,
        labels=labels,
        figures=figures,
        **texts,
    )
    (folder / "README.md").write_text(card, "utf-8")


_TEXTS = {
    CLASSIFICATION: {
        "kind": "classifier",
        "expects": "Company names are expected as `[COMPANY]`: the gateway's normalisation replaces them.",
    },
    TAGGING: {
        "kind": "tagger",
        "expects": "Texts are expected as they were written: finding the names in them is what it is for.",
    },
}
_CARD = """---
language: {language}
license: apache-2.0
library_name: transformers
pipeline_tag: {task}
tags: [veriaidpo, demonstration, data-protection]
---

# {name} (demonstration)

A small {kind} ({base}, random start, no pretrained weights) that shows how VeriAIDPO serves a model. It
was trained on sentences made from templates (`hack/demo/templates`) and on nothing else. **It is a
demonstration, not legal advice**, and no replacement for the fine-tuned model of the same name: its answers
must not be relied on.

{expects}
Texts are cut at 256 tokens.

## Labels

{labels}

## Figures

{figures}

All figures, and how they were come by: `docs/demo-models.md`. To make the model again:
`hack/demo/train.py all`.
"""
