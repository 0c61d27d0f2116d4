"""Which runs of an engine are under way, and since when: how a stuck one is noticed."""

import threading
import time
from collections.abc import Callable

from veriaidpo_predictor.computing.network import Logits, Run

STUCK_SECONDS = 120.0
"""No batch takes so long, on the slowest machine: whoever waits has given up after a quarter of it."""


class Running:
    """Remembers when each thread began the run that it is in. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}

    def watched(self, run: Run) -> Run:
        """Give the same run, watched."""

        def watched(batch: list[list[int]]) -> Logits | list[Logits]:
            thread = threading.get_ident()
            self._since[thread] = self._clock()
            try:
                return run(batch)
            finally:
                del self._since[thread]

        return watched

    @property
    def stuck(self) -> bool:
        """Tell whether a run has lasted longer than any can."""
        now = self._clock()
        return any(now - since > STUCK_SECONDS for since in list(self._since.values()))
