"""What `/normalize` does to a text: companies, persons and addresses found, and those asked for replaced."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from veriaidpo_gateway import texts
from veriaidpo_gateway.addresses import Addresses
from veriaidpo_gateway.companies import Span
from veriaidpo_gateway.normalise import Normalised
from veriaidpo_gateway.persons import Persons
from veriaidpo_gateway.words import cut


class Kind(StrEnum):
    """What a stretch of a text is; in brackets it is what the stretch is replaced by."""

    COMPANY = "COMPANY"
    PERSON = "PERSON"
    ADDRESS = "ADDRESS"


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of the original text."""

    place: Span
    kind: Kind


@dataclass(frozen=True, slots=True)
class Anonymised:
    """What came of a text; `marked` are the stretches that were replaced, in order."""

    original: str
    text: str
    marked: tuple[Marked, ...]


class Anonymiser:
    """Finds all three kinds; what is one of them is never read as another, asked for or not."""

    def __init__(self, persons: Persons, addresses: Addresses) -> None:
        self._persons, self._addresses = persons, addresses

    def __call__(
        self, text: str, normaliser: Callable[[str], Normalised], kinds: Collection[Kind]
    ) -> Anonymised:
        """Anonymise a text that passed `texts.check`."""
        companies = normaliser(text).companies
        found = [Marked(place, Kind.COMPANY) for place in companies]
        if Kind.PERSON in kinds or Kind.ADDRESS in kinds:
            words = cut(text).without(companies)
            addresses = list(self._addresses.find(words))
            found += [Marked(place, Kind.ADDRESS) for place in addresses]
            persons = self._persons.find(words.without(addresses))
            found += [Marked(place, Kind.PERSON) for place in persons]
        marked = tuple(sorted((one for one in found if one.kind in kinds), key=lambda one: one.place))
        return Anonymised(text, texts.canonical(_replace(text, marked)), marked)


def _replace(text: str, marked: tuple[Marked, ...]) -> str:
    parts, last = [], 0
    for one in marked:
        parts += [text[last : one.place.start], f"[{one.kind}]"]
        last = one.place.end
    return "".join([*parts, text[last:]])
