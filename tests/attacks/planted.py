"""Sentences with personal data in them that nothing else holds, and looking for it in what a run left."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MARK = "control-0790000000"
"""What callers name their requests: it is kept, so whoever looks for it in the same way finds it."""


@dataclass(frozen=True)
class Planted:
    """A sentence, and the words in it that belong to a person or a company."""

    text: str
    words: tuple[str, ...]


def planted(many: int) -> list[Planted]:
    """Write sentences with identity numbers, phones, addresses and names."""
    chance = random.Random(1)
    found = []
    for number in range(many):
        identity = f"079{chance.randrange(10**8, 10**9)}"
        phone = f"09{chance.randrange(10**7, 10**8)}"
        mail = f"khach.hang.{chance.randrange(10**6)}@vidu{number}.vn"
        name, company = f"Nguyễn Văn Thử{number}", f"Công ty TNHH Bí Mật {chance.randrange(10**6)}"
        text = f"{company} thu thập CCCD {identity}, số {phone} và {mail} của {name}"
        found.append(Planted(text, (identity, phone, mail, name, company)))
    return found


def files_in(folder: Path) -> dict[str, str]:
    """Read every file below a folder, as text, by the first part of its path."""
    found: dict[str, str] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            place = path.relative_to(folder).parts[0]
            found[place] = found.get(place, "") + path.read_bytes().decode("utf-8", "replace")
    return found


def places_of(words: Iterable[str], left: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name each place with each word that is in it, as it is or as JSON writes it in ASCII."""
    forms = [(word, {word, ascii(word)[1:-1]}) for word in words]
    return [(place, word) for place, text in left.items() for word, any_of in forms if _in(any_of, text)]


def _in(any_of: Iterable[str], text: str) -> bool:
    return any(form in text for form in any_of)
