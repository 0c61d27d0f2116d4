"""Which revision was loading when the process ended. Known over a restart, it is not loaded again and again.

Whatever ends the process in the middle of a load (no memory left, a fault in the engine) would end it each
time, and with it every other model of a shared predictor. Once may have been chance: the node, a neighbour.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("veriaidpo.unfinished")

ENDED = "The predictor ended twice while it loaded this revision, and leaves it alone for an hour."
ENDS = 2
"""How often in a row makes it this revision's fault."""
AGAIN_SECONDS = 3_600.0
"""What made it so may have passed: after this it is loaded once more."""


class Unfinished:
    """A folder that outlives the process: a file for each model whose load has begun and not ended.

    Without a folder nothing is remembered. The clock is one that goes on while no process runs.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._under_way: Path | None = None

    def seconds_left(self, name: str, entry: str) -> float:
        """Tell for how long just this is not to be loaded; 0 where nothing is held against it."""
        ends, at = self._ends(name, entry)
        passed = max(0.0, self._clock() - at)
        return max(0.0, AGAIN_SECONDS - passed) if ends >= ENDS else 0.0

    @contextmanager
    def loading(self, name: str, entry: str) -> Iterator[None]:
        """Remember a load until it ends, well or not. One at a time."""
        if self._folder is None:
            yield
            return
        note = self._folder / name
        ends, _ = self._ends(name, entry)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{ends + 1} {self._clock():.0f} {entry}", "ascii")
        except OSError as error:  # a load that is not remembered is better than none
            log.warning("%s is not remembered while it loads (%s)", name, type(error).__name__)
        self._under_way = note
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Forget what is under way: it ended, or it did not but is not the cause of the process's end."""
        note, self._under_way = self._under_way, None
        if note is not None:
            with suppress(OSError):  # as where it could not be written
                note.unlink()

    def _ends(self, name: str, entry: str) -> tuple[int, float]:
        """Give how many processes in a row ended while they loaded just this, and when the last began to."""
        try:
            if self._folder is not None:
                ends, at, noted = (self._folder / name).read_text("ascii").split(" ", 2)
                return (int(ends), float(at)) if noted == entry else (0, 0.0)
        except (OSError, ValueError):
            pass  # none, or one that was only half written
        return 0, 0.0
