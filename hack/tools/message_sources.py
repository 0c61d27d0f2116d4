"""Where the sentences are that are written in English alone, and which of them lack a Vietnamese one."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

_TARGET = re.compile(r"^([a-z0-9-]+):.*?## (.*)$", re.MULTILINE)
_REFUSAL = re.compile(r'\bfail (?:\(printf )?"((?:[^"\\]|\\.)*)"')
_SAYING = re.compile(r"^print$|^say$|Error$")
_WORD = re.compile(r"[A-Za-z]{2}")
_TEMPLATE = re.compile(r"\{\{.*?\}\}")

Pairs = dict[str, tuple[str, str]]
"""By key (a command, a target, or the English sentence itself): English and Vietnamese."""


class UnpairedError(Exception):
    """Sentences of one language lack those of the other; the text names them and says what to do."""


def make_targets(makefile: str) -> dict[str, str]:
    """Give each target that `make help` lists, with its line."""
    return dict(_TARGET.findall(makefile))


def refusals(template: str) -> list[str]:
    """Give what a chart's template refuses to be rendered with; %q and %s stand for what it names."""
    return _REFUSAL.findall(template)


def notes(template: str) -> list[str]:
    """Give the paragraphs that Helm prints after an install, without the commands, which are indented.

    What is filled in is left out as `…`.
    """
    return [_TEMPLATE.sub("…", " ".join(paragraph)) for paragraph in _paragraphs(template.splitlines())]


def printed(source: str) -> list[str]:
    """Give what a script prints, or ends with, in words: as `notes` does, in the order it is written."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    said = [call for call in calls if isinstance(call.func, ast.Name) and _SAYING.search(call.func.id)]
    found = []
    for call in sorted(said, key=lambda one: one.lineno):
        lines = _text(call.args[0]).strip().splitlines()
        found += [" ".join(" ".join(paragraph).split()) for paragraph in _paragraphs(lines)]
    return [text for text in found if _WORD.search(text)]


def _text(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)


def _paragraphs(lines: Iterable[str]) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in lines:
        # A tag that stands on a line alone, or sets a variable, prints nothing.
        prints = _TEMPLATE.sub("", line).strip() and not line.startswith(" ")
        if prints:
            paragraph.append(line)
        elif paragraph:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def paired(table: str, english: Mapping[str, str], vietnamese: Mapping[str, str]) -> Pairs:
    """Put the two languages together in the order of the English one; UnpairedError unless they match."""
    wrong = [f"[{table}] lacks the Vietnamese of: {key}" for key in english if not vietnamese.get(key)]
    wrong += [f"[{table}] still has what is gone: {key}" for key in vietnamese if key not in english]
    if wrong:
        raise UnpairedError("\n".join(wrong))
    return {key: (text, vietnamese[key]) for key, text in english.items()}
