"""Which revision was loading when the process ended. Known over a restart, it is not loaded a second time.

Whatever ends the process in the middle of a load (no memory left, a fault in the engine) would end it again
and again, and with it every other model of a shared predictor.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("veriaidpo.unfinished")

ENDED = "The predictor ended while it loaded this revision, and does not load it again."


class Unfinished:
    """A folder that outlives the process: a file for each model whose load has begun and not ended.

    Without a folder nothing is remembered.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def was_fatal(self, name: str, entry: str) -> bool:
        """Tell whether an earlier process ended while it loaded just this."""
        try:
            return self._folder is not None and (self._folder / name).read_text("ascii") == entry
        except (OSError, ValueError):
            return False

    @contextmanager
    def loading(self, name: str, entry: str) -> Iterator[None]:
        """Remember a load until it ends, well or not."""
        if self._folder is None:
            yield
            return
        note = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            note.write_text(entry, "ascii")
        except OSError as error:  # a load that is not remembered is better than none
            log.warning("%s is not remembered while it loads (%s)", name, type(error).__name__)
        yield
        note.unlink(missing_ok=True)
