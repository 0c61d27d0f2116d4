"""What conditions and events say: complete in both languages, and in the one that was chosen."""

import copy
import tomllib
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

from veriaidpo_operator.decisions.transitions import events
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import (
    LANGUAGES,
    MessagesError,
    Phrase,
    Told,
    check,
    load,
    placeholders,
)

from .world import SETTINGS, World

VIETNAMESE = replace(SETTINGS, sentences=load("vi"))


def read() -> dict[str, dict[str, Any]]:
    folder = resources.files("veriaidpo_operator") / "messages"
    return {
        language: tomllib.loads((folder / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", [*Reason, *Told])
def test_every_reason_has_a_sentence_without_holes(language: str, what: Reason | Told) -> None:
    say = load(language)
    text = say(what, **dict.fromkeys(placeholders(say.texts[what]), "X"))
    assert "{" not in text
    assert text[0].isupper() or text[0] == "X" or text.startswith("spec.")
    assert text[-1] == "."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_a_sentence_without_its_detail_is_still_a_sentence(language: str, reason: Reason) -> None:
    say = load(language)
    facts = dict.fromkeys(placeholders(say.texts[reason]) - {"detail"}, "X")
    text = say(reason, **facts)
    assert ": ." not in text
    assert not text.endswith(":")


def test_both_languages_say_everything_with_the_same_facts() -> None:
    check(read())


def test_the_languages_differ() -> None:
    english, vietnamese = (load(language).texts for language in LANGUAGES)
    assert {what for what in english if english[what] == vietnamese[what]} == {
        Phrase.SERVICE,
        Reason.DOWNLOADING,
    }


@pytest.mark.parametrize(
    ("language", "table", "key", "text", "said"),
    [
        ("vi", "reasons", "Serving", None, "vi.toml: reasons.Serving is missing"),
        ("en", "events", "RevisionFetched", None, "en.toml: events.RevisionFetched is missing"),
        ("vi", "reasons", "Surprise", "Á", "vi.toml: reasons.Surprise is not used"),
        ("vi", "reasons", "Serving", "Tại {address}.", "en: revision, url; vi: address"),
        ("vi", "phrases", "left", "còn ít", "en: seconds; vi: none"),
    ],
)
def test_what_differs_is_named(language: str, table: str, key: str, text: str | None, said: str) -> None:
    tables = copy.deepcopy(read())
    if text is None:
        del tables[language][table][key]
    else:
        tables[language][table][key] = text
    with pytest.raises(MessagesError, match=said):
        check(tables)


def test_foreign_text_ends_with_a_full_stop_and_takes_one_line() -> None:
    say = load("en")
    assert say(Reason.POD_REFUSED, detail="too\n many pods").startswith("No pod can be made: too many pods. ")
    assert len(say(Reason.INTERNAL, detail="x" * 5000)) < 500


def test_braces_in_foreign_text_are_only_text() -> None:
    assert "{claim} {0}" in load("en")(Reason.INTERNAL, detail="{claim} {0}")


def test_conditions_speak_the_language_that_was_chosen() -> None:
    world = World(settings=VIETNAMESE)
    world.reconcile()
    assert world.status.conditions[0].message == "Operator chưa xem xét Model này."
    world.settle()
    ready = world.status.condition("Ready")
    assert ready is not None
    assert (ready.reason, ready.message) == (
        "Serving",
        "Phiên bản abababababab đang trả lời tại http://principles-vi-predictor.ns.svc.cluster.local.",
    )


def test_what_a_sentence_is_put_together_from_does_too() -> None:
    world = World(settings=VIETNAMESE)
    world.reconcile()
    world.reconcile()
    ready = world.status.condition("Ready")
    assert ready is not None
    assert ready.message == "Đang tạo yêu cầu cấp ổ principles-vi-model."


def test_the_progress_of_a_download_does_too() -> None:
    world = World(settings=VIETNAMESE)
    for _ in range(3):
        world.reconcile()
        world.bind()
    world.start(world.all("Job")[0])
    world.progress = Progress(
        state="Downloading", bytes_total=2_000_000, bytes_done=500_000, percent=25, bytes_per_second=1e6,
        remaining_seconds=1.5,
    )  # fmt: skip
    world.reconcile()
    ready = world.status.condition("Ready")
    assert ready is not None
    assert ready.message == "hf://owner/principles-vi: 25% của 2.0 MB, 1.0 MB/giây, còn 2 giây."


def test_events_do_too() -> None:
    world = World(settings=VIETNAMESE)
    for _ in range(3):
        world.reconcile()
    before = world.status
    world.fail("SourceNotFound")
    world.reconcile()
    (event,) = events(before, world.status, VIETNAMESE.sentences)
    assert event.reason == "SourceNotFound"
    assert event.message.startswith("Không tìm thấy mô hình tại nguồn: It was SourceNotFound. Hãy kiểm tra")


def test_a_failure_is_told_in_words_of_the_operator_around_the_words_of_the_fetch() -> None:
    world = World(settings=VIETNAMESE)
    for _ in range(3):
        world.reconcile()
    world.fail("OutOfSpace", exit_code=17)
    world.reconcile()
    failure = world.status.last_failure
    assert failure is not None
    assert failure.message == (
        "Ổ lưu trữ không đủ chỗ: It was OutOfSpace. "
        "Hãy tăng spec.storage.create.size để mở rộng yêu cầu cấp ổ principles-vi-model, "
        "hoặc xóa các phiên bản cũ trên đó."
    )
