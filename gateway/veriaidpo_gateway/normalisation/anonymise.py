"""What `/normalize` does to a text: companies, persons and addresses found, and those asked for replaced."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from veriaidpo_gateway.normalisation import spans, texts
from veriaidpo_gateway.normalisation.addresses import Addresses
from veriaidpo_gateway.normalisation.normalise import Normalised
from veriaidpo_gateway.normalisation.persons import Persons
from veriaidpo_gateway.normalisation.spans import Kind, Marked
from veriaidpo_gateway.normalisation.words import cut


@dataclass(frozen=True, slots=True)
class Anonymised:
    """What came of a text; `marked` are the stretches that were replaced, in order."""

    original: str
    text: str
    marked: tuple[Marked, ...]


class Anonymiser:
    """Finds all three kinds by rules; what is one of them is never read as another, asked for or not."""

    def __init__(self, persons: Persons, addresses: Addresses) -> None:
        self._persons, self._addresses = persons, addresses

    def find(
        self, text: str, normaliser: Callable[[str], Normalised], kinds: Collection[Kind]
    ) -> list[Marked]:
        """Find what stands in a text that passed `texts.check`: in order, other kinds than the wanted too."""
        normalised = normaliser(text)
        found = list(normalised.marked)
        if Kind.PERSON in kinds or Kind.ADDRESS in kinds:
            words = cut(text).without(normalised.companies)
            addresses = list(self._addresses.find(words))
            found += [Marked(place, Kind.ADDRESS) for place in addresses]
            persons = self._persons.find(words.without(addresses))
            found += [Marked(place, Kind.PERSON) for place in persons]
        return sorted(found, key=lambda one: one.place)


def anonymise(
    text: str, found: Sequence[Marked], kinds: Collection[Kind], tagged: Iterable[Marked] = ()
) -> Anonymised:
    """Replace what was found of the wanted kinds, by rules and (`tagged`) by a model."""
    merged = spans.merge(found, [one for one in tagged if one.kind in kinds])
    marked = tuple(one for one in merged if one.kind in kinds)
    return Anonymised(text, texts.canonical(spans.replace(text, marked)), marked)
