"""Which metrics there are, read from where they are declared, and which a query asks for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .conftest import REPO

_DECLARED = (
    REPO / "gateway/veriaidpo_gateway/metrics.py",
    REPO / "operator/veriaidpo_operator/running/metrics.py",
    *sorted((REPO / "predictors/veriaidpo_predictor/serving").glob("*.py")),
)
_SAMPLES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}
_FROM_PROMETHEUS = frozenset({"job", "namespace", "pod", "instance", "container"})
_WANTED = re.compile(r"\b(veriaidpo_[a-z_]+|up)(?:\{([^}]*)\})?")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


@dataclass(frozen=True)
class Sample:
    """A name that Prometheus stores, and the labels it has there."""

    name: str
    labels: frozenset[str]


@cache
def samples() -> dict[str, Sample]:
    """Give every sample that is exported, by its name."""
    return {one.name: one for path in _DECLARED for one in _declared(ast.parse(path.read_text()))}


def _declared(tree: ast.Module) -> Iterator[Sample]:
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _SAMPLES):
            continue
        if not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        labels = {
            part.value
            for one in call.args[2:3]
            for part in ast.walk(one)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        }
        for ending in _SAMPLES[call.func.id]:
            yield Sample(
                f"{call.args[0].value}{ending}", frozenset(labels | {"le"} if ending == "_bucket" else labels)
            )


def unknown(query: str) -> list[str]:
    """Give what a query asks for that is not exported: names, and `name{label}`."""
    known = samples()
    found = []
    for name, chosen in _WANTED.findall(query):
        if name == "up":
            continue
        if name not in known:
            found.append(name)
            continue
        asked = set(_LABEL.findall(chosen))
        found += [f"{name}{{{label}}}" for label in sorted(asked - known[name].labels - _FROM_PROMETHEUS)]
    return found
