"""docs/demo-models.md, from the figures the last runs left in hack/demo/figures."""

from __future__ import annotations

import json
import sys
from typing import Any

from specs import CLASSIFICATION, FIGURES, REPORT, SPECS, TAGGING, Spec

Figures = dict[str, Any]
WANTED = 0.85


def write_report() -> int:
    """Write the page; 1 when a model was not made in this checkout yet, so that its figures are missing."""
    if missing := [name for name in SPECS if not (FIGURES / f"{name}.json").exists()]:
        print(f"{REPORT.name} is left as it was: make {', '.join(missing)} too", file=sys.stderr)
        return 1
    figures = {name: json.loads((FIGURES / f"{name}.json").read_text("utf-8")) for name in SPECS}
    classifiers = {name: found for name, found in figures.items() if SPECS[name].task == CLASSIFICATION}
    taggers = {name: found for name, found in figures.items() if SPECS[name].task == TAGGING}
    parts = [_HEAD, _models(figures), _scores(classifiers), _review(classifiers), _spans(taggers)]
    parts += [_confusion(SPECS[name], found) for name, found in classifiers.items()]
    parts.append(_making(figures))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(parts), "utf-8")
    return 0


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _models(figures: dict[str, Figures]) -> str:
    rows = [
        [
            f"`{name}`",
            SPECS[name].base,
            f"{found['parameters']:,}",
            f"{found['tokens']:,}",
            f"{found['sizes']['model.safetensors']:,}",
            *(
                (f"{found['sizes']['onnx/model.onnx']:,}", f"{found['onnx_difference']:.1e}")
                if "onnx_difference" in found
                else ("none", "")
            ),
        ]
        for name, found in figures.items()
    ]
    head = [
        "model",
        "network and tokenizer",
        "parameters",
        "tokens",
        "safetensors, bytes",
        "ONNX, bytes",
        "largest difference ONNX to torch",
    ]
    return "## The models\n\n" + _table(head, rows)


def _scores(figures: dict[str, Figures]) -> str:
    rows = [
        [
            f"`{name}`",
            f"{found['templates']['trained']} / {found['templates']['held_out']}",
            f"{found['rows']['trained']:,} + {found['salads']:,} / {found['rows']['unseen']:,}",
            *(
                f"{found[part]['macro_f1']:.3f}"
                for part in ("unseen", "baseline_unseen", "natural", "baseline_natural")
            ),
        ]
        for name, found in figures.items()
    ]
    head = [
        "model",
        "templates trained on / held out",
        "rows and graded fragments trained on / rows held out",
        "unseen templates",
        "the same, baseline",
        "natural sentences",
        "the same, baseline",
    ]
    short = [f"`{name}`" for name, found in figures.items() if found["unseen"]["macro_f1"] < WANTED]
    falls = f"\nBelow the {WANTED} that every model should reach on unseen templates: {', '.join(short)}.\n"
    return "## Macro-F1\n\n" + _table(head, rows) + (falls if short else "") + _SCORES


def _review(figures: dict[str, Figures]) -> str:
    rows = [
        [
            f"`{name}`",
            *(f"{found['natural'][part]:.0%}" for part in ("sure", "right_when_sure", "right_when_not")),
        ]
        for name, found in figures.items()
    ]
    head = ["model", "answers above the threshold", "of these right", "of the others right"]
    return "## The threshold, on natural sentences\n\n" + _table(head, rows) + _REVIEW


def _spans(figures: dict[str, Figures]) -> str:
    rows = [
        [
            f"`{name}`",
            f"`{label}`",
            *(_span_scores(found[part]["spans"][label]) for part in ("unseen", "natural")),
        ]
        for name, found in figures.items()
        for label in found["natural"]["spans"]
    ]
    head = ["model", "span", "unseen templates, unseen names", "natural sentences"]
    return "## Spans: F1 (precision, recall, how many)\n\n" + _table(head, rows) + _SPANS


def _span_scores(part: Figures) -> str:
    return f"{part['f1']:.3f} ({part['precision']:.2f}, {part['recall']:.2f}, {part['spans']})"


def card(figures: Figures) -> str:
    """Give the lines of figures for a model's card."""
    what = "macro-F1 over the spans" if "spans" in figures["unseen"] else "macro-F1"
    return (
        f"- {what} on templates that were held out: {figures['unseen']['macro_f1']:.3f}\n"
        f"- {what} on natural sentences: {figures['natural']['macro_f1']:.3f}"
    )


def _confusion(spec: Spec, found: Figures) -> str:
    ids = [label["id"] for label in spec.labels]
    confusion = found["natural"]["confusion"]
    rows = [[f"`{name}`", *map(str, line)] for name, line in zip(ids, confusion, strict=True)]
    head = ["is \\ answered", *(f"{i}" for i in range(len(ids)))]
    return f"### `{spec.name}` on natural sentences\n\n" + _table(head, rows)


def _making(figures: dict[str, Figures]) -> str:
    first = next(iter(figures.values()))
    versions = ", ".join(f"{name} {number}" for name, number in first["versions"].items())
    settings = ", ".join(f"{name} {value}" for name, value in first["training"].items())
    otherwise = "".join(
        f"; `{model}`: {name} {value}"
        for model, found in figures.items()
        for name, value in found["training"].items()
        if value != first["training"][name]
    )
    seconds = ", ".join(f"`{name}` {found['seconds']} s" for name, found in figures.items())
    again = "\n".join(_again(name, found["again"]) for name, found in figures.items() if "again" in found)
    text = _MAKING.format(versions=versions, settings=settings + otherwise, seconds=seconds)
    return f"{text}\n{again}\n" if again else text


def _again(name: str, again: Figures) -> str:
    start = f"`{name}` trained again, on another machine: "
    if not again["other"]:
        return f"{start}all {again['files']} files are the same to the byte."
    answers = "the same" if again["same_answers"] else "not all the same"
    apart = f"no weight by more than {again['weights_apart']:.1e}"
    return (
        f"{start}{', '.join(again['other'])} differ, {apart}; the answers on unseen templates are {answers}."
    )


_HEAD = """# The demonstration models

<!-- Written by hack/demo/train.py. -->

All model types in Vietnamese, and the principles in English; between them each tokenizer family the product
serves. They start from random weights and learn from sentences this repository makes out of templates
(`hack/demo/templates`). They show the whole line at work on a machine without a token or the internet; they
are not the fine-tuned models, and nothing they answer is legal advice.
"""

_SCORES = """
A template is trained on or held out as a whole, never a row of it; which one follows from a hash of its text.
Some templates were added where the baseline or the network erred on held-out ones (`train.py judge`), so that
column flatters; nothing was ever chosen by the natural sentences, the fair test. The baseline is TF-IDF of
words and word pairs with logistic regression, trained on the same rows. The natural sentences
(`hack/demo/natural`) were written apart from the templates and are used for evaluation alone. Before it is
measured a natural sentence has its company names replaced by `[COMPANY]`; a short list of names and legal
forms does it here (`hack/demo/natural.py`), not the gateway's normalisation.

The network learns from the rows and from fragments of them put together at random, which a teacher graded
(`hack/demo/distil.py`: words, word pairs and groups of letters; it has seen the training rows and nothing
else). For some models a part of the fragments has words in it that nobody knows, and the network is the mean
of its last thousand or so steps (`hack/demo/specs.py` says for which).
"""

_REVIEW = """
The catalogue's threshold, the same for all models, was not chosen by these sentences: an answer below it says
`needs_review`.
"""

_SPANS = """
A span counts only with the right label and both ends right. Some names of the lists, brands and registered
companies are in unseen rows alone, as templates are. The model learns each word's tag at the word's first
token, by the rule the predictor reads it with (`predictors/veriaidpo_predictor/computing/spans.py`).
"""

_MAKING = """## How they are made

```
hack/env demo
.venv/demo/bin/python hack/demo/train.py all
```

Settings: {settings}. Versions: {versions}. Time taken: {seconds}.
The labels come from `charts/veriaidpo/files/catalogue.yaml`, and the golden sentences go there: held-out
sentences the model answers rightly with a margin above 0.3. Where there is no ONNX file, fetching the model
makes the graph from the weights.
"""
