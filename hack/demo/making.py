"""One model from its templates to its folder, figures and golden sentences."""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizer, set_seed

import folder as folders
import vocabulary
from distil import Teacher, salads, sharpened
from golden import choose, write_golden
from grammar import Row
from network import FAMILIES, Training, build, encode, logits, train
from report import FIGURES
from rows import Rows, make_rows
from scores import read_natural, score, train_baseline
from specs import MODELS, NATURAL, Spec

_WRITERS = {
    "phobert": vocabulary.write_phobert,
    "xlmr": vocabulary.write_xlmr,
    "bert": vocabulary.write_bert,
}


@dataclass(frozen=True, slots=True)
class Made:
    """A model's folder, with what was measured and the golden sentences."""

    folder: Path
    figures: dict[str, Any]
    golden: list[Row]


def make(spec: Spec, *, threads: int) -> None:
    """Write the model's folder, its golden sentences, and its figures to build/demo-models/<name>.json."""
    made = produce(spec, threads=threads)
    shutil.rmtree(MODELS / spec.name, ignore_errors=True)
    shutil.move(made.folder, MODELS / spec.name)
    _write_figures(spec, made.figures)
    write_golden(spec, made.golden)


def check(spec: Spec, *, threads: int) -> None:
    """Train the model anew and write into its figures which of its files came out otherwise."""
    made = produce(spec, threads=threads)
    figures = json.loads((FIGURES / f"{spec.name}.json").read_text("utf-8"))
    names = sorted(p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file())
    there = MODELS / spec.name
    other = [name for name in names if (made.folder / name).read_bytes() != (there / name).read_bytes()]
    kept = made.figures["unseen"]["confusion"] == figures["unseen"]["confusion"]
    figures["again"] = {"files": len(names), "other": other, "same_answers": kept}
    _write_figures(spec, figures)
    say(f"{spec.name}: trained again, {len(other)} of {len(names)} files differ: {other}")


def _write_figures(spec: Spec, figures: dict[str, Any]) -> None:
    (FIGURES / f"{spec.name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def produce(spec: Spec, *, threads: int, settings: Training = Training()) -> Made:  # noqa: B008  # frozen
    """Make everything of a model in build/demo-models/unfinished; nothing in its own folder is touched."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    started = time.monotonic()
    rows = make_rows(spec)
    say(f"{spec.name}: {len(rows.trained)} rows from {sum(not t.held_out for t in rows.templates)} templates")
    folder = FIGURES / "unfinished" / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = make_tokenizer(spec, rows, folder)
    network = fit(spec, rows, tokenizer, settings)
    folders.write_weights(network, folder)
    folders.write_labels(spec.labels, folder)
    sample = encode(tokenizer, [row.text for row in rows.unseen])
    difference = folders.write_onnx(network, folder, sample, tokenizer.pad_token_id)
    figures = measure(spec, rows, network, tokenizer) | {
        "onnx_difference": difference,
        "seconds": round(time.monotonic() - started),
        "training": asdict(settings),
    }
    lines = card(figures)
    folders.write_card(folder, language=spec.language, base=spec.base, labels=spec.labels, figures=lines)
    figures["sizes"] = folders.check_sizes(folder)
    say(f"{spec.name}:\n{lines}")
    return Made(folder, figures, choose(rows.plain_unseen, spec, network, tokenizer))


def say(line: str) -> None:
    """Tell progress: it goes to stderr."""
    print(line, file=sys.stderr)


def make_tokenizer(spec: Spec, rows: Rows, folder: Path) -> PreTrainedTokenizer:
    """Train the tokenizer on the training rows and load it back the way transformers does."""
    _WRITERS[spec.family]([row.text for row in rows.trained], folder, size=spec.vocabulary)
    tokenizer: PreTrainedTokenizer = FAMILIES[spec.family].tokenizer.from_pretrained(folder)
    return tokenizer


def fit(spec: Spec, rows: Rows, tokenizer: PreTrainedTokenizer, settings: Training) -> PreTrainedModel:
    """Train the network on the rows and on fragments of them that the teacher graded."""
    texts, truth = [row.text for row in rows.trained], numbers(rows.trained, spec)
    say(f"{spec.name}: teaching the teacher")
    teacher = Teacher(texts, truth)
    mixed = salads(rows.trained, settings.salads, random.Random(settings.seed))
    own = np.eye(len(spec.labels), dtype=np.float32)[truth]
    targets = np.concatenate([(own + sharpened(teacher.grade(texts))) / 2, sharpened(teacher.grade(mixed))])
    set_seed(settings.seed)
    network = build(
        FAMILIES[spec.family], tokenizer, [label["en"] for label in spec.labels], settings.dropout
    )
    say(f"{spec.name}: {network.num_parameters():,} parameters, {len(tokenizer)} tokens")
    train(network, tokenizer, [*texts, *mixed], targets=targets, settings=settings, name=spec.name)
    return network


def numbers(rows: Sequence[Row], spec: Spec) -> list[int]:
    """Give the label number of each row."""
    at = {label["id"]: i for i, label in enumerate(spec.labels)}
    return [at[row.label] for row in rows]


def measure(
    spec: Spec, rows: Rows, network: PreTrainedModel, tokenizer: PreTrainedTokenizer
) -> dict[str, Any]:
    """Measure the network and the baseline on unseen templates and natural sentences."""
    baseline = train_baseline([row.text for row in rows.trained], numbers(rows.trained, spec))
    found: dict[str, Any] = {
        "parameters": network.num_parameters(),
        "tokens": len(tokenizer),
        "rows": {"trained": len(rows.trained), "unseen": len(rows.unseen)},
        "templates": {
            "trained": sum(not t.held_out for t in rows.templates),
            "held_out": sum(t.held_out for t in rows.templates),
        },
        "versions": {
            name: version(name) for name in ("torch", "transformers", "sentencepiece", "scikit-learn")
        },
    }
    for name, part in (("unseen", rows.unseen), ("natural", read_natural(NATURAL / f"{spec.name}.jsonl"))):
        if part:
            texts, truth = [row.text for row in part], numbers(part, spec)
            answers = logits(network, encode(tokenizer, texts), tokenizer.pad_token_id).argmax(axis=1)
            found[name] = asdict(score(truth, answers, len(spec.labels)))
            found[f"baseline_{name}"] = asdict(score(truth, baseline.predict(texts), len(spec.labels)))
    return found


def natural(figures: dict[str, Any]) -> str:
    """Say the figure on natural sentences."""
    part = figures.get("natural")
    return f"{part['macro_f1']:.3f}" if isinstance(part, dict) else "not measured"


def card(figures: dict[str, Any]) -> str:
    """Give the lines of figures for the model card."""
    unseen = figures["unseen"]
    return (
        f"- macro-F1 on templates that were held out: {unseen['macro_f1']:.3f}\n"
        f"- macro-F1 on natural sentences: {natural(figures)}"
    )
