"""One row an attack; ../tables.py keeps them and puts them into docs/security.md."""

import re
from dataclasses import dataclass

_ID = re.compile(r"[A-Z][0-9]+[a-z]?(@(ingress|cluster))?")


@dataclass(slots=True)
class Row:
    """What was tried and how it went. `control` is what the same attack does with the defence off.

    The id is the vector's in the list of threats; one that was sent through a cluster's ingress, or was asked
    of its API server, ends so.
    """

    id: str
    attack: str
    tried: int = 0
    got_through: int = 0
    passed: bool = False
    figure: str = ""
    control: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"{self.id} is not an id such as M1, T3b or H1a@ingress")
