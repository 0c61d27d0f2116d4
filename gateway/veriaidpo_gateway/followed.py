"""A file that may change while the gateway runs: a mounted secret, a list of routes.

Kubernetes swaps a mounted volume by renaming a symlink, so what is compared is the target's identity and not
only its time. A file that cannot be read or parsed any more leaves the last good value in place.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Followed(Generic[T]):
    """The parsed contents of a file, looked at again when somebody asks, at most every `every` seconds.

    The first reading raises what `parse` raises (ValueError by convention) or OSError: a gateway does not
    start on a broken file, but it does not stop for one either.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], T],
        *,
        every: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._parse, self._every, self._clock = path, parse, every, clock
        self._signature = self._look()
        self._value = parse(path.read_bytes())
        self._looked = clock()

    @property
    def value(self) -> T:
        """The newest contents that could be parsed."""
        now = self._clock()
        if now - self._looked >= self._every:
            self._looked = now
            self._refresh()
        return self._value

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _refresh(self) -> None:
        try:
            signature = self._look()
            if signature == self._signature:
                return
            self._value = self._parse(self._path.read_bytes())
            self._signature = signature
        except (OSError, ValueError) as error:
            # The name of the file and the kind of trouble only: the contents may be a secret.
            _log.warning("kept the last good contents of %s: %s", self._path.name, type(error).__name__)
        else:
            _log.info("read %s again", self._path.name)
