"""The text a model sees: every company's name replaced by `[COMPANY]`. Pure, and in one pass.

Models are trained on text in this form, so a change here that changes what comes out needs a new VERSION:
cached answers of the old one are then never used again.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from veriaidpo_gateway import texts
from veriaidpo_gateway.companies import Found, Registry, Span
from veriaidpo_gateway.folding import Folded, fold
from veriaidpo_gateway.legal_forms import LegalForms

VERSION = "1"
COMPANY = "[COMPANY]"

_COUNTRY = re.compile(r" (?:viet ?nam|vn)\b")


@dataclass(frozen=True, slots=True)
class Normalised:
    """What came of a text. `companies` are places in the original, in order."""

    original: str
    text: str
    companies: tuple[Span, ...]

    @property
    def company_names(self) -> list[str]:
        """The companies' names as the caller wrote them, each occurrence."""
        return [self.original[span.start : span.end] for span in self.companies]


class Normaliser:
    """Finds companies by the registry and by legal form."""

    def __init__(self, registry: Registry, forms: LegalForms) -> None:
        self.registry = registry
        self._forms = forms

    def __call__(self, text: str) -> Normalised:
        """Normalise a text that passed `texts.check`."""
        folded = fold(text)
        known = [_with_country(name, folded) for name in self.registry.find(text, folded)]
        unknown, never = self._forms.find(text, folded, known)
        spans = _longest_first([*known, *unknown], never, len(folded.text))
        places = tuple(Span(*folded.span(found.start, found.end, text)) for found in spans)
        return Normalised(text, texts.canonical(_replace(text, places)), places)


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


def _replace(text: str, places: Iterable[Span]) -> str:
    parts, last = [], 0
    for span in places:
        parts += [text[last : span.start], COMPANY]
        last = span.end
    return "".join([*parts, text[last:]])
