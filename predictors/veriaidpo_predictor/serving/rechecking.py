"""What is served is held against what was published, again and again: a disk may rot under a process."""

import logging
import threading
import time
from collections.abc import Callable

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.serving import metrics
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.serving.served import Served, State

log = logging.getLogger("veriaidpo.rechecking")

_BYTES_PER_SECOND = 32 << 20
"""As fast as files are read again: those who are answered meanwhile are not to notice it."""


SOON_SECONDS = 60.0
"""A volume that gave an error instead of bytes is asked again before the full time is over."""


def again_and_again(registry: Registry, seconds: float, stop: threading.Event) -> None:
    """Look every so many seconds, until told to stop or until nothing is left that can answer. Blocks."""
    is_readable = True
    while not registry.hopeless and not stop.wait(seconds if is_readable else min(seconds, SOON_SECONDS)):
        is_readable = recheck(registry, lambda count: time.sleep(count / _BYTES_PER_SECOND))


def recheck(registry: Registry, pace: Callable[[int], None]) -> bool:
    """Read every file of every model that answers; one with other bytes answers no longer.

    Tells whether all could be read: of one that could not, nothing is known, and it goes on.
    """
    found = [_recheck(registry, model, pace) for model in registry if model.state is State.READY]
    return all(found)


def _recheck(registry: Registry, model: Served, pace: Callable[[int], None]) -> bool:
    try:
        manifests.verify(model.directory, model.manifest, pace)
    except (manifests.ManifestError, OSError) as error:
        if registry.get(model.name) is not model:
            return True  # another took its place while it was read, or it was dropped
        if isinstance(error, (manifests.UnreadableError, OSError)):
            metrics.unreadable(model.name)
            log.warning("not compared again: %s", error, extra={"model": model.name})
            return False
        model.damaged(str(error))
    return True
