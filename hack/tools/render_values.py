"""Renders the chart's values into its README: what each is, of which type, and what it is by itself.

A value is described by the comment above it in values.yaml, or by its description in values.schema.json.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "charts/veriaidpo"
_KEY = re.compile(r"^( *)([A-Za-z]\w*):(?: |$)")
_COMMENT = re.compile(r"^ *# ?(.*)$")
_HEAD = """# The chart's values

Rendered by `make values` from `values.yaml`, whose comments these are, and `values.schema.json`, which is
closed: a misspelt value is refused. [docs/install.md](../../docs/install.md) tells what the chart needs, and
which shapes of it (`ci/*-values.yaml`) there are; [UPGRADING.md](../../UPGRADING.md) what to do before an
upgrade.
"""

_WHOLE = frozenset({"image", "resources", "labels"})
"""Definitions whose parts are told together."""

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """One value, or a group of them where it has no type."""

    path: Path_
    default: Any
    kind: str
    meaning: str


def comments(text: str) -> dict[Path_, str]:
    """Give the comment above each key that has one, as one line."""
    found: dict[Path_, str] = {}
    above: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        comment, key = _COMMENT.match(line), _KEY.match(line)
        if comment is not None:
            above.append(comment[1].strip())
            continue
        if key is not None:
            while path and path[-1][0] >= len(key[1]):
                path.pop()
            path.append((len(key[1]), key[2]))
            if above:
                found[tuple(name for _, name in path)] = " ".join(above)
        above = []
    return found


def node(schema: Mapping[str, Any], path: Path_) -> Mapping[str, Any]:
    """Give what the schema says of a value, its definition included."""
    here = schema
    for name in path:
        here = _resolved(schema, here["properties"][name])
    return here


def _resolved(schema: Mapping[str, Any], here: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in here:
        return here
    name = here["$ref"].rsplit("/", 1)[1]
    return {**schema["definitions"][name], **here, "whole": name in _WHOLE}


def kind(described: Mapping[str, Any]) -> str:
    """Name the type of a value, or what it may be."""
    if "enum" in described:
        return ", ".join(f"`{json.dumps(one)}`" if one == "" else f"`{one}`" for one in described["enum"])
    types = described.get("type", "any")
    name = types if isinstance(types, str) else " or ".join(types)
    items = described.get("items", {})
    return f"{name} of {kind(items)}" if "enum" in items else name


def values() -> Iterator[Value]:
    """Give every value in its order, and each group before what is in it."""
    text = (CHART / "values.yaml").read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())
    said = comments(text)

    def below(path: Path_, value: Any) -> Iterator[Value]:
        described = node(schema, path)
        meaning = said.get(path) or described.get("description", "")
        # Maps whose names are free (resources, labels) are values themselves.
        if isinstance(value, dict) and value and "properties" in described and not described.get("whole"):
            yield Value(path, None, "", said.get(path, ""))
            for name, inner in value.items():
                yield from below((*path, name), inner)
        else:
            yield Value(path, value, kind(described), meaning)

    for name, value in yaml.safe_load(text).items():
        yield from below((name,), value)


def undescribed() -> list[str]:
    """Name the values that nobody explains."""
    return [".".join(one.path) for one in values() if one.kind and not one.meaning]


def page() -> str:
    """Return the README."""
    parts = [_HEAD]
    rows: list[Sequence[str]] = []
    for one in values():
        name = ".".join(one.path)
        if len(one.path) == 1:
            parts += _table(rows)
            rows = []
            parts.append(f"## {name}\n")
            parts += [f"{one.meaning}\n"] if one.meaning and not one.kind else []
        if one.kind:
            rows.append(
                (f"`{name}`", one.kind, f"`{json.dumps(one.default, ensure_ascii=False)}`", one.meaning)
            )
        elif len(one.path) > 1 and one.meaning:
            rows.append((f"`{name}`", "", "", one.meaning))
    return "\n".join([*parts, *_table(rows)])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [("value", "type", "by itself", "what it is"), ("---",) * 4, *rows]
    return [
        "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
    ]


if __name__ == "__main__":
    if nobody := undescribed():
        sys.exit(
            "nobody says what these values are: a comment above them in values.yaml does\n"
            + "\n".join(nobody)
        )
    print(page(), end="")
