"""Companies, persons and addresses that nobody bears, out of lists of words, in the shapes people write them.

Some names, by a hash, appear in unseen rows alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grammar import is_held_out
from specs import REPO

REGISTERED = REPO / "hack/demo/registered_companies.txt"
"""Names that the gateway's registry had when the model was made: it goes on growing, and what is in the
rows that nothing was trained on must not change with it. Make the model anew when this file is made anew."""
SPLIT = frozenset({"given", "brand_word", "latin_brand", "street", "ward", "commune", "village", "building"})
"""Lists whose words are trained on or unseen. The others are closed: a language has few family names."""

Lists = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Entity:
    """A name with what stands before it and is no part of it (`Ông `)."""

    before: str
    name: str


class Entities:
    """Makes names; `unseen` ones come from the part of the lists that nothing is trained on."""

    def __init__(self, lists: Lists, rng: random.Random, *, unseen: bool) -> None:
        self._lists = {
            name: _part(words, unseen=unseen) if name in SPLIT else words for name, words in lists.items()
        }
        self._brands = _part(_registered(), unseen=unseen)
        self._rng = rng
        self._makers: Mapping[str, Callable[[], Entity]] = {
            "company": self._company,
            "person": self._person,
            "address": self._address,
        }

    def make(self, label: str) -> Entity:
        """Make a name of the label; some are written in capitals, as papers do."""
        made = self._makers[label]()
        return Entity(made.before, made.name.upper()) if self._rng.random() < 0.08 else made

    def _one(self, name: str) -> str:
        return self._rng.choice(self._lists[name])

    def _maybe(self, chance: float, text: str) -> str:
        return text if self._rng.random() < chance else ""

    def _company(self) -> Entity:
        kind = self._rng.random()
        if kind < 0.3:
            name = self._rng.choice(self._brands)
        elif kind < 0.65:
            name = self._legal_company()
        elif kind < 0.8:
            name = f"{self._one('institution')} {self._brand()}"
        elif kind < 0.9:
            name = self._one("latin_brand") + self._maybe(0.5, f" {self._one('brand_tail')}")
        elif kind < 0.96:
            name = f"{self._brand()} {self._one('brand_tail')}"
        else:
            name = " ".join(self._one("brand_word") for _ in range(2))
        return Entity("", name)

    def _legal_company(self) -> str:
        fields = [self._one("field") for _ in range(self._rng.choice((0, 0, 1, 1, 2)))]
        joined = (
            f" {self._rng.choice(('và', '&', '-'))} ".join(fields)
            if self._rng.random() < 0.5
            else " ".join(fields)
        )
        form = self._one("legal_form")
        if self._rng.random() < 0.15:
            form = form.lower()
        parts = [form, joined, self._brand(), self._maybe(0.2, self._one("company_place"))]
        return " ".join(part for part in parts if part)

    def _brand(self) -> str:
        if self._rng.random() < 0.3:
            return self._one("latin_brand")
        return " ".join(self._one("brand_word") for _ in range(self._rng.choice((1, 2, 2, 2, 3))))

    def _person(self) -> Entity:
        title = self._one("title")
        if self._rng.random() < 0.2:
            return Entity(f"{title} ", self._one("given"))
        middle = " ".join(self._one("middle") for _ in range(self._rng.choice((0, 1, 1, 1, 2))))
        full = " ".join(part for part in (self._one("family"), middle, self._one("given")) if part)
        if self._rng.random() < 0.05:
            return Entity("", " ".join(part for part in (middle, self._one("given")) if part))
        return Entity(self._maybe(0.45, f"{title} "), full)

    def _address(self) -> Entity:
        house = self._house() if self._rng.random() < 0.9 else f"đường {self._one('street')}"
        parts = [house, self._maybe(0.7, self._one("ward")), self._maybe(0.8, self._one("district"))]
        if self._rng.random() < 0.25:
            parts = [
                self._one("village"),
                self._maybe(0.8, self._one("commune")),
                self._maybe(0.8, self._one("rural_district")),
            ]
        elif self._rng.random() < 0.15:
            parts = [self._one("building"), *parts]
        elif self._rng.random() < 0.15:
            parts = parts[1:] if parts[1] and parts[2] else parts
        parts.append(self._maybe(0.7, self._one("city")))
        separator = ", " if self._rng.random() < 0.85 else " - " if self._rng.random() < 0.4 else " "
        return Entity("", separator.join(part for part in parts if part))

    def _house(self) -> str:
        rng = self._rng
        number = str(rng.randint(1, 400))
        slashes = rng.random()
        if slashes < 0.25:
            number += f"/{rng.randint(1, 90)}" + self._maybe(0.3, f"/{rng.randint(1, 30)}")
        elif slashes < 0.35:
            number += rng.choice("ABCD")
        number = self._maybe(0.4, rng.choice(("số ", "số nhà ", "Số "))) + number
        lane = self._maybe(0.3, f"{rng.choice(('ngõ', 'ngách', 'hẻm', 'kiệt'))} {rng.randint(1, 300)} ")
        kind = self._maybe(0.65, rng.choice(("đường ", "phố ", "đường ", "Đường ", "đại lộ ")))
        return f"{number} {lane}{kind}{self._one('street')}"


def _part(words: Sequence[str], *, unseen: bool) -> Sequence[str]:
    return tuple(word for word in words if is_held_out(word) is unseen)


def _registered() -> list[str]:
    return REGISTERED.read_text(encoding="utf-8").splitlines()
