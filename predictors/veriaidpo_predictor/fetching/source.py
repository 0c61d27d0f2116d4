"""What a source of models is to a fetch: a list of files at one commit, and their bytes from any offset."""

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from veriaidpo_predictor.outcome import FetchError, Reason

T = TypeVar("T")
log = logging.getLogger("veriaidpo.source")

MOST_FILES = 10_000
"""What a source may list: no model has so many, and whoever lists more means something else."""


class PassingError(Exception):
    """A failure that another try may not meet; `wait` is what the source asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(slots=True)
class Patience:
    """How often to try without getting a byte further, and how long to wait in between, in seconds.

    What a source asks for is obeyed, and counted separately: an attempt that waited for hours would only end
    at its deadline, and say less of why.
    """

    attempts: int = 7
    first_wait: float = 1.0
    longest_wait: float = 60.0
    most_obeyed: float = 900.0
    """What a source may ask for altogether, without getting a byte further."""
    sleep: Callable[[float], None] = time.sleep
    _obeyed: float = field(default=0.0, init=False)

    def wait(self, failure: PassingError, failures: int) -> None:
        """Wait before the next try; raises FetchError when it was the last one, or would come too late."""
        if failures >= self.attempts:
            raise FetchError(Reason.SOURCE_UNREACHABLE, f"{failure} ({failures} attempts).") from failure
        own = random.uniform(0.5, 1.0) * self.first_wait * 2 ** (failures - 1)
        asked = failure.wait or 0.0
        self._obeyed = asked + (self._obeyed if failures > 1 else 0.0)
        if self._obeyed > self.most_obeyed:
            raise FetchError(
                Reason.SOURCE_BUSY,
                f"{failure}, and is to be asked again in {asked:.6g} s at the earliest.",
                retry_after=asked,
            ) from failure
        seconds = max(min(self.longest_wait, own), asked)
        log.warning("%s; trying again", failure, extra={"attempt": failures, "seconds": round(seconds, 1)})
        self.sleep(seconds)

    def until(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer; raises FetchError once patience is at an end."""
        failures = 0
        while True:
            try:
                return ask()
            except PassingError as error:
                failures += 1
                self.wait(error, failures)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source, and every checksum that the source has of it: of which there may be none.

    `address` is where its own source finds it, and `etag` what has to be there still.
    """

    path: str
    size: int
    sha256: str | None = None
    blob_id: str | None = None
    md5: str | None = None
    address: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds at a commit, which names these very bytes."""

    commit: str
    files: tuple[SourceFile, ...]


class Source(Protocol):
    """Raises FetchError for what no other try will mend, and once patience is at an end."""

    patience: Patience

    @property
    def known(self) -> str | None:
        """The commit, where it is known without asking."""

    def listing(self) -> Listing:
        """Resolve what is wanted to a commit, and list its files."""

    def bytes_from(
        self, file: SourceFile, offset: int
    ) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file at an offset; gives where its bytes begin (0 where ranges are not served) and them.

        Raises PassingError as well: only the caller knows how far it came.
        """


def commit_of(files: Iterable[tuple[str, ...]]) -> str:
    """Name a state that its source has no name for: sha256 of its files' paths, each with what marks it."""
    canonical = json.dumps(sorted(files), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
