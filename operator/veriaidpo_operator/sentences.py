"""The sentences of conditions and events, in the language that was chosen.

They live in messages/en.toml and messages/vi.toml; a reason stays the same one English word in both.
"""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from veriaidpo_operator.reasons import Reason

LANGUAGES = ("en", "vi")
_LONGEST = 1000
_LONGEST_DETAIL = 400


class Told(StrEnum):
    """Reasons of events that are not reasons of a condition."""

    REVISION_FETCHED = "RevisionFetched"
    FETCHED_WITH_WARNINGS = "FetchedWithWarnings"
    REVISION_SERVING = "RevisionServing"
    REVISION_QUARANTINED = "RevisionQuarantined"
    ROLLED_BACK = "RolledBack"
    CLAIM_GOES = "ClaimGoesWithModel"


class Phrase(StrEnum):
    """Parts of sentences."""

    CLAIM = "claim"
    FETCH_ORDER = "fetch_order"
    FETCH_JOB = "fetch_job"
    SERVICE = "service"
    CLAIM_DELETED = "claim_deleted"
    STARTING = "starting"
    PERCENT = "percent"
    RATE = "rate"
    LEFT = "left"
    ENDED = "ended"
    BEFORE = "before"
    UNKNOWN = "unknown"
    A_POD = "a_pod"
    NO_REVISION = "no_revision"
    NOT_TAKEN_UP = "not_taken_up"
    FETCHED_ANEW = "fetched_anew"
    NOT_TRIED_AGAIN = "not_tried_again"
    MEANWHILE = "meanwhile"
    AGREEMENT = "agreement"
    MOST_DIFFERENT = "most_different"
    MEAN_DIFFERENCE = "mean_difference"
    AS_FAST = "as_fast"
    NOTHING_MEASURED = "nothing_measured"


_TABLES: Mapping[str, type[StrEnum]] = {"reasons": Reason, "events": Told, "phrases": Phrase}


class MessagesError(ValueError):
    """The languages do not say the same; the text names where."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """One language, checked against the other when it was loaded."""

    language: str
    texts: Mapping[StrEnum, str]

    def __call__(self, what: Reason | Told | Phrase, /, **facts: object) -> str:
        """Return the sentence with these facts in it, one line, at most 1,000 characters.

        A fact that is not given is left empty. A `detail` is foreign text: it is made to end a sentence, and
        without one the sentence ends where it would have come.
        """
        text = self.texts[what]
        given = _Facts(facts)
        given["detail"] = full_stop(str(facts.get("detail", "")))
        if not given["detail"]:
            text = text.replace(": {detail}", ".")
        return " ".join(text.format_map(given).split())[:_LONGEST]


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return ""


def full_stop(text: str) -> str:
    """Return foreign text as one line that ends a sentence; long text is cut to 400 characters."""
    line = " ".join(text.split())[:_LONGEST_DETAIL]
    return line if not line or line[-1] in ".!?" else line + "."


def load(language: str) -> Sentences:
    """Read a language from the package; MessagesError unless every language is complete."""
    folder = resources.files(__package__) / "messages"
    read = {
        one: tomllib.loads((folder / f"{one}.toml").read_text(encoding="utf-8")) for one in sorted(LANGUAGES)
    }
    check(read)
    chosen = read[language]
    return Sentences(
        language,
        {member: chosen[table][member.value] for table, members in _TABLES.items() for member in members},
    )


def check(read: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise MessagesError unless each language has every sentence and no other, with the same facts in it."""
    for table, members in _TABLES.items():
        wanted = {member.value for member in members}
        for language, tables in read.items():
            for key in sorted(wanted ^ set(tables.get(table, {}))):
                trouble = "is missing" if key in wanted else "is not used"
                raise MessagesError(f"{language}.toml: {table}.{key} {trouble}")
        for key in sorted(wanted):
            facts = {language: placeholders(tables[table][key]) for language, tables in read.items()}
            if len(set(facts.values())) > 1:
                raise MessagesError(f"{table}.{key} has other facts in one language: {_told(facts)}")


def placeholders(text: str) -> frozenset[str]:
    """Return the names of the facts in a sentence."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _told(facts: Mapping[str, frozenset[str]]) -> str:
    return "; ".join(f"{language}: {', '.join(sorted(names)) or 'none'}" for language, names in facts.items())
