"""A pace for one answer, so that a download lasts long enough for something to happen in the middle of it."""

import time
from collections.abc import Callable

_CHUNK = 256 * 1024


class Pace:
    """Keeps one answer at or below `rate` bytes per second (None: as fast as it goes)."""

    def __init__(
        self,
        rate: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self._sent = 0

    @property
    def chunk(self) -> int:
        """How many bytes to send at once: a twentieth of a second's worth, so that progress is seen."""
        return _CHUNK if self._rate is None else max(1, min(_CHUNK, self._rate // 20))

    def sent(self, count: int) -> None:
        """Count what was just sent, and wait until the clock has caught up with it."""
        self._sent += count
        if self._rate is not None:
            self._sleep(max(0.0, self._started + self._sent / self._rate - self._clock()))
