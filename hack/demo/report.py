"""docs/demo-models.md, from the figures the last runs left in build/demo-models."""

from __future__ import annotations

import json
import sys
from typing import Any

from specs import REPO, REPORT, SPECS, Spec

FIGURES = REPO / "build" / "demo-models"
Figures = dict[str, Any]


def write_report() -> int:
    """Write the page; 1 when a model was not made in this checkout yet, so that its figures are missing."""
    if missing := [name for name in SPECS if not (FIGURES / f"{name}.json").exists()]:
        print(f"{REPORT.name} is left as it was: make {', '.join(missing)} too", file=sys.stderr)
        return 1
    figures = {name: json.loads((FIGURES / f"{name}.json").read_text("utf-8")) for name in SPECS}
    parts = [_HEAD, _models(figures), _scores(figures)]
    parts += [_confusion(SPECS[name], found) for name, found in figures.items() if "natural" in found]
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
            f"{found['sizes']['onnx/model.onnx']:,}",
            f"{found['onnx_difference']:.1e}",
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
            f"{found['rows']['trained']:,} / {found['rows']['unseen']:,}",
            *(
                f"{found[part]['macro_f1']:.3f}" if part in found else "not measured"
                for part in ("unseen", "baseline_unseen", "natural", "baseline_natural")
            ),
        ]
        for name, found in figures.items()
    ]
    head = [
        "model",
        "templates trained on / held out",
        "rows trained on / held out",
        "unseen templates",
        "the same, baseline",
        "natural sentences",
        "the same, baseline",
    ]
    return "## Macro-F1\n\n" + _table(head, rows) + _SCORES


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
    seconds = ", ".join(f"`{name}` {found['seconds']} s" for name, found in figures.items())
    again = "\n".join(_again(name, found["again"]) for name, found in figures.items() if "again" in found)
    text = _MAKING.format(versions=versions, settings=settings, seconds=seconds)
    return f"{text}\n{again}\n" if again else text


def _again(name: str, again: Figures) -> str:
    start = f"`{name}` trained again on the same machine: "
    if not again["other"]:
        return f"{start}all {again['files']} files are the same to the byte."
    answers = "the same" if again["same_answers"] else "not all the same"
    return f"{start}{', '.join(again['other'])} differ; the answers on unseen templates are {answers}."


_HEAD = """# The demonstration models

<!-- Written by hack/demo/train.py. -->

Three small classifiers, one for each tokenizer family the product serves. They start from random weights
and learn from sentences this repository makes out of templates (`hack/demo/templates`). They show the whole
line at work on a machine without a token or the internet; they are not the fine-tuned models, and nothing
they answer is legal advice.
"""

_SCORES = """
A template is trained on or held out as a whole, never a row of it; which one follows from a hash of its
text. The baseline is TF-IDF of words and word pairs with logistic regression, trained on the same rows. The
natural sentences (`hack/demo/natural`) were written apart from the templates and are used for evaluation
alone. Before it is measured a natural sentence has its company names replaced by `[COMPANY]`; a short list
of names and legal forms does it here (`hack/demo/scores.py`), not the gateway's normalisation.

The network learns from the rows and from fragments of them put together at random, which a teacher graded
(`hack/demo/distil.py`: words, word pairs and groups of letters; it has seen the training rows and nothing
else).
"""

_MAKING = """## How they are made

```
hack/env demo
.venv/demo/bin/python hack/demo/train.py all
```

Settings: {settings}. Versions: {versions}. Time taken: {seconds}.
The labels come from `charts/veriaidpo/files/catalogue.yaml`, and the golden sentences go there: held-out
sentences the model answers rightly with a margin above 0.3.
"""
