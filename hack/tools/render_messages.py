"""Prints docs/messages.md: everything people are told, in English and Vietnamese.

Usage: render_messages.py COMMANDS.json ..., the output of list_commands.py for each program. Exits 1 with the
names of the sentences that lack their Vietnamese.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from message_sources import Pairs, UnpairedError, make_targets, notes, paired, printed, refusals

from veriaidpo_gateway.errors import STATUS, load_messages
from veriaidpo_gateway.records.telling import sentences
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import LANGUAGES, Phrase, Sentences, Told, load
from veriaidpo_predictor.outcome import Reason as FetchReason

REPO = Path(__file__).resolve().parents[2]
CHART = REPO / "charts/veriaidpo/templates"
DEMO = ("hack/demo/run_demo.py", "hack/demo/processes.py")
RUNBOOK = "operate.md#reasons-and-what-to-do"

_HEAD = """\
# Messages / Thông báo

<!-- Written by hack/messages; change the sources and run `make messages`. -->

Everything a person can be told, side by side. A word in braces is a fact that is filled in.

Mọi thông báo người dùng có thể gặp, đối chiếu Anh - Việt. Từ trong ngoặc nhọn là dữ kiện được điền vào.

| what | where it is written | language shown |
| --- | --- | --- |
| answers of the gateway | `gateway/veriaidpo_gateway/messages/` | both, in each answer |
| verdicts of `veriaidpo-gateway records` | `records.toml` there | both, in each line |
| conditions and events | `operator/veriaidpo_operator/messages/` | `operator.language` of the chart |
| commands, make, demo, chart | in English where they are; in Vietnamese in `hack/messages.toml` | English |
"""

_CONDITIONS = f"""\
`kubectl describe model NAME` shows them. A reason that is a link has its remedy in the [runbook]({RUNBOOK}).
A `{{detail}}` is what Kubernetes, KServe or the fetch said, in its own words, in English.

`kubectl describe model TÊN` hiển thị các câu này. Lý do có liên kết thì có cách xử lý trong
[sổ tay vận hành]({RUNBOOK}). `{{detail}}` là lời của Kubernetes, KServe hoặc chương trình tải, giữ nguyên
tiếng Anh.
"""

_FETCH = """\
A fetch ends with an exit code, which becomes the reason of the Model's conditions. The `{detail}` is the
fetch's own sentence, in English: the Vietnamese sentence around it tells what it means.

Một lần tải kết thúc với một mã thoát, và mã này trở thành lý do trong điều kiện của Model. `{detail}` là câu
của chương trình tải, bằng tiếng Anh: câu tiếng Việt bao quanh cho biết ý nghĩa của nó.
"""


def page(commands: Mapping[str, str], texts: Mapping[str, Any]) -> str:
    """Return the page; UnpairedError when a sentence lacks its Vietnamese."""
    parts = [_HEAD, *_glossary(texts["glossary"]), *_gateway(), *_operator()]
    makefile = make_targets((REPO / "Makefile").read_text())
    parts += _section("Commands", "Lệnh", "command", paired("commands", commands, texts["commands"]))
    parts += _section("make", "make", "target", paired("make", makefile, texts["make"]))
    demo = [text for file in DEMO for text in printed((REPO / file).read_text())]
    parts += _sentences("make demo", "make demo", paired("demo", _same(demo), texts["demo"]))
    refused = [one for path in sorted(CHART.rglob("*.*")) for one in refusals(path.read_text())]
    parts += _sentences(
        "What the chart refuses", "Cấu hình mà chart từ chối", paired("chart", _same(refused), texts["chart"])
    )
    told = notes((CHART / "NOTES.txt").read_text())
    parts += _sentences("After an install", "Sau khi cài đặt", paired("notes", _same(told), texts["notes"]))
    return "\n".join(parts)


def _same(sentences: Iterable[str]) -> dict[str, str]:
    return {sentence: sentence for sentence in sentences}


def _glossary(words: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield "## Glossary / Thuật ngữ\n"
    yield table(("English", "Tiếng Việt", "note"), ((w["en"], w["vi"], w.get("note", "")) for w in words))


def _gateway() -> Iterator[str]:
    messages = load_messages()
    yield "## Answers of the gateway / Trả lời của cổng API\n"
    rows = ((f"`{code}`", status, messages.en[code], messages.vi[code]) for code, status in STATUS.items())
    yield table(("code", "HTTP", "English", "Tiếng Việt"), rows)
    yield "## What `veriaidpo-gateway records` says / Lời của `veriaidpo-gateway records`\n"
    yield table(("English", "Tiếng Việt"), ((said["en"], said["vi"]) for said in sentences().values()))


def _operator() -> Iterator[str]:
    said = [load(language) for language in LANGUAGES]
    codes = {reason.text: reason.exit_code for reason in FetchReason}
    remedies = (REPO / "docs/operate.md").read_text()
    yield "## Conditions of a Model / Điều kiện của Model\n"
    yield _CONDITIONS
    head = ("reason", "English", "Tiếng Việt")
    yield table(head, (_row(said, r, _linked(r, remedies)) for r in Reason if r not in codes))
    yield "## Downloads that failed / Tải xuống không thành công\n"
    yield _FETCH
    failed = ((codes[r], *_row(said, r, _linked(r, remedies))) for r in Reason if r in codes)
    yield table(("exit code", *head), failed)
    yield "## Events / Sự kiện\n"
    yield "Other events have a reason and a sentence of the conditions.\n"
    yield "Các sự kiện khác dùng lý do và câu của điều kiện.\n"
    yield table(head, (_row(said, told, f"`{told}`") for told in Told))
    yield "## Parts of sentences / Các phần của câu\n"
    yield table(("part", *head[1:]), (_row(said, phrase, f"`{phrase}`") for phrase in Phrase))


def _row(said: Sequence[Sentences], what: Reason | Told | Phrase, name: str) -> tuple[str, ...]:
    return (name, *(one.texts[what] for one in said))


def _linked(reason: Reason, remedies: str) -> str:
    in_table = re.search(rf"^\|[^|]*`{reason}`", remedies, re.MULTILINE)
    return f"[`{reason}`]({RUNBOOK})" if in_table else f"`{reason}`"


def _section(english: str, vietnamese: str, key: str, pairs: Pairs) -> Iterator[str]:
    yield _heading(english, vietnamese)
    yield table((key, "English", "Tiếng Việt"), ((f"`{name}`", *texts) for name, texts in pairs.items()))


def _sentences(english: str, vietnamese: str, pairs: Pairs) -> Iterator[str]:
    yield _heading(english, vietnamese)
    yield table(("English", "Tiếng Việt"), pairs.values())


def _heading(english: str, vietnamese: str) -> str:
    return f"## {english}\n" if english == vietnamese else f"## {english} / {vietnamese}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of Markdown; a bar in a cell stays one, and a tag is shown as it is."""
    lines = [head, ["---"] * len(head), *([_cell(str(cell)) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def main(files: Sequence[str]) -> int:
    """Print the page; return the exit code."""
    commands = {name: said for file in files for name, said in json.loads(Path(file).read_text()).items()}
    try:
        print(page(commands, tomllib.loads((REPO / "hack/messages.toml").read_text())), end="")
    except UnpairedError as error:
        print(f"hack/messages.toml:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
