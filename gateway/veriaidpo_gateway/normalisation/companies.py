"""The companies an installation knows, and where their names stand in a text: one pass, however many."""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ahocorasick_rs import AhoCorasick

from veriaidpo_gateway.normalisation.folding import Folded, fold


@dataclass(frozen=True, slots=True)
class Company:
    """One company. `aliases` are found however they are written; `exact` only as written or in capitals.

    The second kind is for names that are ordinary words too: "Giao Hàng Nhanh" is one, "giao hàng nhanh" not.
    `ticker` is its code at an exchange, which no text is searched for; `ticker_verified` says that somebody
    checked it, or that there is none.
    """

    name: str
    industry: str
    region: str
    aliases: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    ticker: str = ""
    ticker_verified: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase in a folded text: offsets there, and which phrase it is."""

    start: int
    end: int
    phrase: int


_MOST_TOGETHER = 20_000
"""Phrases of one automaton. Nothing else runs while one is made: 50 ms for so many, 0.3 s for 100,000."""


class Phrases:
    """Automatons over folded phrases; they find all of them, overlapping ones too, on word boundaries."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._automatons = [
            (first, AhoCorasick(phrases[first : first + _MOST_TOGETHER]))
            for first in range(0, len(phrases), _MOST_TOGETHER)
        ]

    def find(self, folded: str) -> Iterable[Found]:
        """Yield every phrase in the text; linear in its length plus what is found."""
        last = len(folded)
        for first, automaton in self._automatons:
            for phrase, start, end in automaton.find_matches_as_indexes(folded, overlapping=True):
                if start and folded[start].isalnum() and folded[start - 1].isalnum():
                    continue
                if end < last and folded[end - 1].isalnum() and folded[end].isalnum():
                    continue
                yield Found(start, end, first + phrase)


class Registry:
    """An immutable set of companies, ready to be searched for; a changed one replaces it whole."""

    def __init__(self, companies: Sequence[Company]) -> None:
        self.size = len(companies)
        loose: dict[str, None] = {}
        exact: dict[str, list[str]] = {}
        for company in companies:
            for alias in (company.name, *company.aliases):
                loose[fold(alias).text] = None
            for alias in company.exact:
                exact.setdefault(fold(alias).text, []).append(unicodedata.normalize("NFC", alias))
        self._names = list(loose) + [name for name in exact if name not in loose]
        self._loose = len(loose)
        self._exact = exact
        self._phrases = Phrases(self._names)
        self.version = _digest(loose, exact)
        """What it finds, by name: two registries of the same names have the same version."""

    def find(self, text: str, folded: Folded) -> Iterable[Found]:
        """Yield every known name in the text, overlapping ones too."""
        for found in self._phrases.find(folded.text):
            if found.phrase < self._loose or self._as_written(found, text, folded):
                yield found

    def _as_written(self, found: Found, text: str, folded: Folded) -> bool:
        start, end = folded.span(found.start, found.end, text)
        written = unicodedata.normalize("NFC", text[start:end])
        return any(written in (alias, alias.upper()) for alias in self._exact[self._names[found.phrase]])


def _digest(loose: Iterable[str], exact: Mapping[str, Sequence[str]]) -> str:
    digest = hashlib.sha256()
    for names in (sorted(loose), sorted(name for written in exact.values() for name in written)):
        digest.update("\n".join(names).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def read_companies(text: str) -> tuple[Company, ...]:
    """Read the CSV of companies as it is shipped; aliases and exact aliases have `|` between them."""
    rows = csv.DictReader(io.StringIO(text), strict=True)
    return tuple(
        Company(
            row["name"],
            row["industry"],
            row["region"],
            split(row["aliases"]),
            split(row["exact"]),
            row["ticker"],
            row["ticker_verified"] == "true",
        )
        for row in rows
    )


@cache
def shipped_companies() -> tuple[Company, ...]:
    """Read the large Vietnamese companies this package knows."""
    file = resources.files(__package__) / "data" / "companies.csv"
    return read_companies(file.read_text(encoding="utf-8"))


@cache
def shipped_registry() -> Registry:
    """Make those companies ready to be searched for."""
    return Registry(shipped_companies())


def split(cell: str) -> tuple[str, ...]:
    """Read the names in one cell."""
    return tuple(part.strip() for part in cell.split("|") if part.strip())
