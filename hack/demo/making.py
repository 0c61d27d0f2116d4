"""One model from its templates to its folder, figures and golden sentences."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizer

import folder as folders
import vocabulary
from classifying import Classifying
from golden import write_golden
from grammar import Template
from network import FAMILIES, encode, rounded
from report import card
from say import say
from specs import CLASSIFICATION, FIGURES, MODELS, TAGGING, UNFINISHED, Spec, Training
from tagging import Tagging

WEIGHTS = "model.safetensors"
_WRITERS = {
    "phobert": vocabulary.write_phobert,
    "xlmr": vocabulary.write_xlmr,
    "bert": vocabulary.write_bert,
}


class Lesson(Protocol):
    """What a task makes of a model's templates."""

    names: Sequence[str]
    """What the network tells apart, in the order of its scores."""

    texts: Sequence[str]
    """What is trained on."""

    sample: Sequence[str]
    """Texts that a graph is compared with its network on."""

    templates: Sequence[Template]
    counts: Mapping[str, int]

    def fit(self, tokenizer: PreTrainedTokenizer, settings: Training) -> PreTrainedModel:
        """Train a network."""

    def measure(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> dict[str, Any]:
        """Measure on what was not trained on: `unseen` templates, `natural` sentences."""

    def golden(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> list[dict[str, Any]]:
        """Choose the golden sentences; RuntimeError when the model is not good enough to have them."""


LESSONS: Mapping[str, Callable[[Spec], Lesson]] = {CLASSIFICATION: Classifying, TAGGING: Tagging}


@dataclass(frozen=True, slots=True)
class Made:
    """A model's folder, with what was measured and the golden sentences."""

    folder: Path
    figures: dict[str, Any]
    golden: list[dict[str, Any]]


def make(spec: Spec, *, threads: int) -> None:
    """Write the model's folder, its golden sentences, and its figures to figures/<name>.json."""
    made = produce(spec, threads=threads)
    shutil.rmtree(MODELS / spec.name, ignore_errors=True)
    shutil.move(made.folder, MODELS / spec.name)
    _write_figures(spec, made.figures)
    write_golden(spec, made.golden)


def choose(spec: Spec) -> None:
    """Choose the golden sentences of a model that is made, measure it and write its card anew."""
    folder = MODELS / spec.name
    family = FAMILIES[spec.family]
    lesson = LESSONS[spec.task](spec)
    tokenizer = family.tokenizer.from_pretrained(folder)
    network = family.networks[spec.task].from_pretrained(folder).float()
    figures = _read_figures(spec) | lesson.measure(network, tokenizer)
    if spec.graph:
        sample = encode(tokenizer, lesson.sample)
        figures["onnx_difference"] = folders.difference(network, folder, sample, tokenizer.pad_token_id)
    _write_figures(spec, figures)
    folders.write_card(folder, spec, figures=card(figures))
    write_golden(spec, lesson.golden(network, tokenizer))


def check(spec: Spec, *, threads: int) -> None:
    """Train the model anew and write into its figures which of its files came out otherwise."""
    made = produce(spec, threads=threads)
    figures = _read_figures(spec)
    names = sorted(p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file())
    there = MODELS / spec.name
    other = [name for name in names if (made.folder / name).read_bytes() != (there / name).read_bytes()]
    kept = made.figures["unseen"] == figures["unseen"]
    figures["again"] = {
        "files": len(names),
        "other": [name for name in other if name != "README.md"],
        "same_answers": kept,
        "weights_apart": _apart(made.folder / WEIGHTS, there / WEIGHTS),
    }
    _write_figures(spec, figures)
    say(f"{spec.name}: trained again, {len(other)} of {len(names)} files differ: {other}")


def _apart(one: Path, other: Path) -> float:
    """Give the largest difference of any weight."""
    left, right = load_file(one), load_file(other)
    return max(float((left[name].float() - right[name].float()).abs().max()) for name in left)


def _read_figures(spec: Spec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIGURES / f"{spec.name}.json").read_text("utf-8"))
    return found


def _write_figures(spec: Spec, figures: dict[str, Any]) -> None:
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / f"{spec.name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def produce(spec: Spec, *, threads: int) -> Made:
    """Make everything of a model in build/demo-models/unfinished; nothing in its own folder is touched."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    started = time.monotonic()
    lesson = LESSONS[spec.task](spec)
    kept = sum(not template.held_out for template in lesson.templates)
    say(f"{spec.name}: {len(lesson.texts)} rows from {kept} templates")
    folder = UNFINISHED / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = _make_tokenizer(spec, lesson.texts, folder)
    network = rounded(lesson.fit(tokenizer, spec.training), spec.stored)
    figures = lesson.measure(network, tokenizer) | {
        "parameters": network.num_parameters(),
        "tokens": len(tokenizer),
        "rows": lesson.counts,
        "templates": {"trained": kept, "held_out": len(lesson.templates) - kept},
        "seconds": round(time.monotonic() - started),
        "training": asdict(spec.training),
        "salads": spec.salads,
        "strange": spec.strange,
        "versions": {
            name: version(name) for name in ("torch", "transformers", "sentencepiece", "scikit-learn")
        },
    }
    folders.write_weights(network, folder, spec.stored)
    folders.write_labels(spec.labels, folder)
    if spec.graph:
        sample = encode(tokenizer, lesson.sample)
        figures["onnx_difference"] = folders.write_onnx(network, folder, sample, tokenizer.pad_token_id)
    folders.write_card(folder, spec, figures=card(figures))
    figures["sizes"] = folders.check_sizes(folder)
    say(f"{spec.name}:\n{card(figures)}")
    return Made(folder, figures, lesson.golden(network, tokenizer))


def _make_tokenizer(spec: Spec, texts: Sequence[str], folder: Path) -> PreTrainedTokenizer:
    """Train the tokenizer on the training rows and load it back the way transformers does."""
    _WRITERS[spec.family](texts, folder, size=spec.vocabulary)
    tokenizer: PreTrainedTokenizer = FAMILIES[spec.family].tokenizer.from_pretrained(folder)
    return tokenizer
