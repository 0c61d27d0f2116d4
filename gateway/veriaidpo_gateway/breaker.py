"""Stops asking somebody who does not answer, and asks again with a single call after a while."""

import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` failures in a row; every `pause` seconds one call may then try."""

    def __init__(
        self, *, failures: int = 3, pause: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._pause, self._clock = failures, pause, clock
        self._failed = 0
        self._retry_at = 0.0

    @property
    def open(self) -> bool:
        """Whether calls are being held back at all."""
        return self._failed >= self._limit

    def allows(self) -> bool:
        """Whether a call may go ahead now. While open, asking takes the place of the one that may try."""
        if not self.open:
            return True
        now = self._clock()
        if now < self._retry_at:
            return False
        self._retry_at = now + self._pause
        return True

    def succeeded(self) -> None:
        """Close it."""
        self._failed = 0

    def failed(self) -> None:
        """Count a failure; the last of the row opens it."""
        self._failed += 1
        if self.open:
            self._retry_at = self._clock() + self._pause
