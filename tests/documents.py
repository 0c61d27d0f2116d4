"""What a document tells people to type or to set, so that it is what the tests type and set."""

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """Give what stands in the fenced blocks of a language (```yaml)."""
    text = (REPO / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """Commands of a console block, and the fenced block that follows at once: what the last one answers."""

    commands: list[str]
    language: str
    answer: str
    """Empty where nothing follows."""


def examples(document: str) -> list[Example]:
    """Give the console blocks of a page with their answers."""
    text = (REPO / document).read_text("utf-8")
    found = re.findall(
        r"^```console\n(.*?)^```\n(?:\n```(json|csv)\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL
    )
    return [Example(_typed(block), language, answer) for block, language, answer in found]


def chapters_with_commands(document: str) -> list[str]:
    """Give the headings that have something to type directly below them, before any further heading."""
    text = (REPO / document).read_text("utf-8")
    parts = re.split(r"^#+ (.*)\n", text, flags=re.MULTILINE)
    return [
        heading
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
        if any(map(_typed, _BLOCK.findall(body)))
    ]


def commands(document: str, heading: str) -> list[list[str]]:
    """Give the commands (lines after `$ `) of each console block between a heading and the next of its level.

    A comment that begins with two spaces and a `#` is left out. Raises LookupError when there is no such
    heading, or no block under it.
    """
    text = (REPO / document).read_text("utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{document} has no heading '{heading}'")
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    blocks = [_typed(block) for block in _BLOCK.findall(rest[: end.start()] if end else rest)]
    if not any(blocks):
        raise LookupError(f"{document} tells nobody to type anything under '{heading}'")
    return [block for block in blocks if block]


def _typed(block: str) -> list[str]:
    joined = block.replace("\\\n", "")
    lines = [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s{2,}#.*$", "", line) for line in lines]


def redis_rights() -> list[str]:
    """Give the rights that docs/operate.md says a user of Redis needs, as Redis writes them."""
    text = (REPO / "docs/operate.md").read_text("utf-8")
    (said,) = re.findall(r"^- A user needs (.*?)\.(?:\s|$)", text, re.MULTILINE | re.DOTALL)
    return [right for quoted in re.findall(r"`([^`]+)`", said) for right in quoted.split()]
