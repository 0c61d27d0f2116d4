"""docs/api.md is true: its commands are typed while the demo runs, and what they answer stands there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ..documents import Example, examples
from .conftest import Demo

PAGE = "docs/api.md"
EXAMPLES = examples(PAGE)
VARIES = frozenset(
    {
        "request_id",
        "id",
        "model_revision",
        "target_revision",
        "version",
        "normaliser",
        "companies",
        "timestamp",
        "time",
        "before",
        "revoked_until",
        "next",
        "confidence",
        "probabilities",
        "attribution",
        "processing_time_ms",
        "latency_ms",
        "warm_up_ms",
        "waiting",
        "records",
        "receipts",
        "chain",
        "position",
        "salt",
        "row_hash",
        "link",
        "text_hash",
    }
)
"""What another run, machine or version has otherwise; of these only the kind is compared."""

Said = dict[int, str]


@pytest.fixture(scope="module")
def said(demo: Demo) -> Said:
    """Type the whole page into one shell; what each block said, by its number."""
    parts = ("\n".join(one.commands) for one in EXAMPLES)
    demo.type("\n".join(f"{{\n{part}\n}} >said-{number}" for number, part in enumerate(parts)))
    return {number: (demo.folder / f"said-{number}").read_text() for number in range(len(EXAMPLES))}


@pytest.mark.parametrize("number", [n for n, one in enumerate(EXAMPLES) if one.answer])
def test_the_answer_is_the_one_on_the_page(number: int, said: Said) -> None:
    example = EXAMPLES[number]
    if example.language == "csv":
        assert said[number].splitlines() == example.answer.splitlines()
        return
    documented, answered = list(_objects(example.answer)), list(_objects(said[number]))
    assert len(documented) == len(answered), said[number]
    differing = [
        one for pair in zip(documented, answered, strict=True) for one in differences(*pair, "answer")
    ]
    assert differing == []


def test_every_command_that_asks_has_an_answer() -> None:
    assert [one.commands for one in EXAMPLES[1:] if not one.answer] == []


def test_every_route_has_an_example(demo: Demo) -> None:
    described = json.loads(demo.type('. .demo/env; curl -s "$VERIAIDPO_URL/openapi.json"'))
    routes = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    asked = {asked for one in EXAMPLES for line in one.commands for asked in _asked(line)}
    missing = {
        (method, path)
        for method, path in routes
        if not any(m == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), p) for m, p in asked)
    }
    assert missing == set()


def test_what_differs_is_found() -> None:
    assert differences({"a": 1}, {"a": 2}, "x") == ["x.a: 1 on the page, 2 answered"]
    assert differences({"a": 1}, {"b": 1}, "x") == ["x: ['a'] on the page, ['b'] answered"]
    assert differences({"id": "7"}, {"id": 7}, "x") == ["x.id: '7' on the page, 7 answered"]
    assert differences([{"a": 1}], [{"a": 1}, {"a": 2}], "x") == []
    assert differences([], [1], "x") == ["x: [] on the page, [1] answered"]


def differences(documented: Any, answered: Any, where: str) -> list[str]:
    """Tell what is otherwise; a list on the page is the beginning of the one that was answered."""
    if isinstance(documented, dict) and isinstance(answered, dict):
        if documented.keys() != answered.keys():
            return [f"{where}: {sorted(documented)} on the page, {sorted(answered)} answered"]
        pairs = ((documented[name], answered[name], f"{where}.{name}") for name in documented)
        return [one for pair in pairs for one in differences(*pair)]
    if isinstance(documented, list) and isinstance(answered, list) and bool(documented) == bool(answered):
        beginning = zip(documented, answered, strict=False)
        return [one for pair in beginning for one in differences(*pair, f"{where}[]")]
    varies = where.rpartition(".")[2].removesuffix("[]") in VARIES
    if documented == answered or (varies and _kind(documented) == _kind(answered)):
        return []
    return [f"{where}: {documented!r} on the page, {answered!r} answered"]


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _objects(text: str) -> Iterator[Any]:
    """Read one JSON value after another."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        yield value
        rest = rest[end:].lstrip()


def _asked(line: str) -> Iterator[tuple[str, str]]:
    """Give the method and the path of each call in a line."""
    for call in line.split("curl ")[1:]:
        path = re.search(r"\$API(/[^\s\"?]*)", call)
        method = re.search(r"-X (\w+)", call)
        sends = re.search(r"(^|\s)(-d|--data-binary) ", call)
        if path:
            yield (method[1] if method else "POST" if sends else "GET"), path[1]


def test_examples_are_found() -> None:
    assert all(isinstance(one, Example) for one in EXAMPLES)
    assert len(EXAMPLES) > 25
