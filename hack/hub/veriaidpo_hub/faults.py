"""What a hub does wrong on purpose: by file (OWNER/repo/path), or for a whole repository (OWNER/repo)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from veriaidpo_hub.answers import Answer, HubError, Middle

_COME_BACK = 2  # seconds


@dataclass(frozen=True, slots=True)
class Faults:
    """All that is wrong; by default nothing.

    `flips`: files with one bit changed. `cuts`: files whose connection ends in the middle. `stalls`: seconds
    of silence in the middle of a file. `sizes`: bytes that the listing claims a file has. `redirects`: where
    files are said to have moved to. `refusals`: the status that answers everything about a repository.
    """

    flips: frozenset[str] = frozenset()
    cuts: frozenset[str] = frozenset()
    stalls: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    redirects: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)

    def refuse(self, repository: str) -> None:
        """Raise the HubError that a repository is refused with, if it is."""
        status = self.refusals.get(repository)
        if status is not None:
            later = {"Retry-After": str(_COME_BACK)} if status in {429, 503} else {}
            raise HubError(status, HTTPStatus(status).phrase, headers=later)

    def elsewhere(self, file: str, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer that a file is elsewhere, if it is said to be."""
        address = self.redirects.get(file)
        return Answer(302, {**headers, "Location": address, "Content-Length": "0"}) if address else None

    def middle(self, file: str, size: int) -> Middle | None:
        """Return what happens in the middle of a file, if anything does."""
        stall, cut = self.stalls.get(file, 0), file in self.cuts
        return Middle(size // 2, stall, cut) if stall or cut else None

    def lie(self, repository: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return a repository's listing with the sizes it is to claim."""
        for sibling in body["siblings"]:
            claimed = self.sizes.get(f"{repository}/{sibling['rfilename']}")
            if claimed is not None and "size" in sibling:
                sibling["size"] = claimed
                if "lfs" in sibling:
                    sibling["lfs"]["size"] = claimed
        return body
