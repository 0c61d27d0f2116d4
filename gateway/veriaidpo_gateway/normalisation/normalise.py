"""The text a classifier sees: every company's name replaced by `[COMPANY]`. Pure, and in one pass.

Models are trained on text in this form, so a change here that changes what comes out needs a new VERSION:
cached answers of the old one are then never used again. Nor are those of another registry of companies.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from veriaidpo_gateway.normalisation import spans, texts
from veriaidpo_gateway.normalisation.companies import Found, Registry
from veriaidpo_gateway.normalisation.folding import Folded, fold
from veriaidpo_gateway.normalisation.legal_forms import LegalForms
from veriaidpo_gateway.normalisation.spans import FoundBy, Kind, Marked, Span

VERSION = "2"

_COUNTRY = re.compile(r" (?:viet ?nam|vn)\b")


@dataclass(frozen=True, slots=True)
class Normalised:
    """What came of a text. `marked` are its companies, in order; `version` is that of all that found them."""

    original: str
    text: str
    marked: tuple[Marked, ...]
    version: str

    @property
    def companies(self) -> list[Span]:
        """Where companies stand in the original."""
        return [one.place for one in self.marked]

    @property
    def company_names(self) -> list[str]:
        """The companies' names as the caller wrote them, each occurrence."""
        return [self.original[span.start : span.end] for span in self.companies]

    def with_tagged(self, tagged: Iterable[Marked], revision: str) -> "Normalised":
        """Add the companies that a revision of a model found."""
        companies = [one for one in tagged if one.kind is Kind.COMPANY]
        marked = spans.merge(self.marked, companies)
        text = texts.canonical(spans.replace(self.original, marked))
        return replace(self, text=text, marked=marked, version=f"{self.version}+{revision}")


class Normaliser:
    """Finds companies by the registry and by legal form."""

    def __init__(self, registry: Registry, forms: LegalForms) -> None:
        self._registry, self._forms = registry, forms
        self.version = f"{VERSION}-{registry.version}"

    def __call__(self, text: str) -> Normalised:
        """Normalise a text that passed `texts.check`."""
        folded = fold(text)
        known = [_with_country(name, folded) for name in self._registry.find(text, folded)]
        unknown, never = self._forms.find(text, folded, known)
        chosen = _longest_first([*known, *unknown], never, len(folded.text))
        marked = tuple(
            Marked(Span(*folded.span(found.start, found.end, text)), Kind.COMPANY, found_by)
            for found, found_by in _how(chosen, known)
        )
        return Normalised(text, texts.canonical(spans.replace(text, marked)), marked, self.version)


def _how(chosen: Iterable[Found], known: Sequence[Found]) -> Iterator[tuple[Found, FoundBy]]:
    """Tell which hold a name of the registry: "Công ty TNHH Shopee" is the Shopee that is known."""
    starts = sorted(name.start for name in known)
    for found in chosen:
        holds = bisect_left(starts, found.start) < bisect_left(starts, found.end)
        yield found, FoundBy.REGISTRY if holds else FoundBy.RULE


def _with_country(name: Found, folded: Folded) -> Found:
    """Let "Shopee VN" be one name, whoever it is that stands before the country."""
    match = _COUNTRY.match(folded.text, name.end)
    return Found(name.start, match.end(), name.phrase) if match else name


def _longest_first(candidates: Iterable[Found], never: Iterable[Found], length: int) -> list[Found]:
    taken = bytearray(length)
    for stretch in never:
        taken[stretch.start : stretch.end] = b"\1" * (stretch.end - stretch.start)
    chosen = []
    for found in sorted(candidates, key=lambda found: (found.start - found.end, found.start)):
        if taken.find(1, found.start, found.end) < 0:
            taken[found.start : found.end] = b"\1" * (found.end - found.start)
            chosen.append(found)
    return sorted(chosen, key=lambda found: found.start)
