"""Everything people are told is there in both languages, and docs/messages.md shows it.

`hack/messages --verify` compares the page itself; here is what it goes by.
"""

import argparse
import re
import string
import tomllib

import pytest
from list_commands import leaves
from message_sources import UnpairedError, make_targets, notes, paired, printed, refusals
from render_messages import table

from veriaidpo_gateway.errors import ErrorCode, load_messages

from .conftest import REPO

TEXTS = tomllib.loads((REPO / "hack/messages.toml").read_text("utf-8"))
PAGE = (REPO / "docs/messages.md").read_text("utf-8")
TEMPLATES = REPO / "charts/veriaidpo/templates"


def test_a_make_target_without_vietnamese_is_named() -> None:
    targets = make_targets("demo: ## Serve it\ntest unit: ## no target of its own\nnew: demo ## Something\n")
    assert targets == {"demo": "Serve it", "new": "Something"}
    with pytest.raises(UnpairedError, match=r"\[make\] lacks the Vietnamese of: new"):
        paired("make", targets, {"demo": "Phục vụ"})


def test_one_that_is_gone_and_still_has_it_is_named() -> None:
    with pytest.raises(UnpairedError, match=r"\[commands\] still has what is gone: program old"):
        paired("commands", {"program new": "make it"}, {"program new": "tạo", "program old": "bỏ"})


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(UnpairedError) as wrong:
        paired("make", {"a": "A", "b": "B"}, {"b": "", "c": "C"})
    assert len(str(wrong.value).splitlines()) == 3


def test_both_languages_come_in_the_order_of_the_english_one() -> None:
    pairs = paired("make", {"b": "B", "a": "A"}, {"a": "Á", "b": "Bê"})
    assert list(pairs.items()) == [("b", ("B", "Bê")), ("a", ("A", "Á"))]


def test_commands_within_commands_are_told_by_their_whole_name() -> None:
    parser = argparse.ArgumentParser(prog="program")
    commands = parser.add_subparsers()
    commands.add_parser("run", help="run it")
    commands.add_parser("crd", help="definitions").add_subparsers().add_parser("apply", help="apply one")
    assert list(leaves(parser)) == [("program run", "run it"), ("program crd apply", "apply one")]


def test_every_target_of_make_help_has_vietnamese() -> None:
    assert list(make_targets((REPO / "Makefile").read_text())) == list(TEXTS["make"])


def test_everything_the_chart_refuses_has_vietnamese() -> None:
    templates = "".join(path.read_text() for path in sorted(TEMPLATES.rglob("*.*")))
    actions = re.findall(r"{{(?!-? ?/\*).*?}}", templates)
    found = refusals(templates)
    assert len(found) == sum(len(re.findall(r"\bfail\b", action)) for action in actions)
    assert found == list(TEXTS["chart"])


def test_the_notes_are_told_without_their_commands() -> None:
    template = (
        'It is "{{ .Release.Name }}".\nSee:\n\n  kubectl get\n{{- if .x }}\n\nWarning:\nno TLS.\n{{- end }}\n'
    )
    assert notes(template) == ['It is "…". See:', "Warning: no TLS."]


def test_what_a_script_prints_is_told_without_its_commands() -> None:
    source = """
print(f"\\nAt {url}.\\nThen:\\n\\n  curl {url}\\n\\nCtrl-C stops.")
print(f"  {mark} → {label}")
log("not for people")
if bad:
    raise DemoError(f"{what} did not answer.") from error
"""
    assert printed(source) == ["At …. Then:", "Ctrl-C stops.", "… did not answer."]


def test_every_paragraph_of_the_notes_has_vietnamese() -> None:
    assert notes((TEMPLATES / "NOTES.txt").read_text()) == list(TEXTS["notes"])


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_of_the_gateway_has_the_same_details_in_both_languages(code: ErrorCode) -> None:
    messages = load_messages()
    english, vietnamese = (
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in (messages.en[code], messages.vi[code])
    )
    assert english == vietnamese


def test_no_word_of_the_glossary_is_there_twice() -> None:
    words = [entry["en"] for entry in TEXTS["glossary"]]
    assert len(words) == len(set(words))


def test_a_cell_cannot_break_its_table() -> None:
    assert table(("a", "b"), [("x|y", "<z>")]) == "| a | b |\n| --- | --- |\n| x\\|y | &lt;z> |\n"


def test_every_link_of_the_page_leads_somewhere() -> None:
    for file, heading in set(re.findall(r"\]\(([\w.]+)#([\w-]+)\)", PAGE)):
        headings = re.findall(r"^#+ (.*)$", (REPO / "docs" / file).read_text("utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
        assert heading in slugs
