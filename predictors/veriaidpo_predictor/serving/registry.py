"""The models of this process: which there are, and whether it may be asked."""

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor import places
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.served import Served, State

log = logging.getLogger("veriaidpo.registry")


class Registry:
    """The served models by name, and whether the process still wants to be asked."""

    def __init__(self, models: Sequence[Served]) -> None:
        self._models = {model.name: model for model in models}
        self._settled = threading.Event()
        self.draining = False

    def __iter__(self) -> Iterator[Served]:
        return iter(list(self._models.values()))

    def get(self, name: str) -> Served | None:
        """Give the model of that name, if there is one."""
        return self._models.get(name)

    def load_all(self) -> None:
        """Load one after another: together they would need the memory of all at once."""
        for model in self:
            model.load()
            model.show()
        self._settled.set()

    @property
    def stuck(self) -> bool:
        """Tell whether an engine has stopped without an end: only another process helps."""
        return any(model.running.stuck for model in self)

    @property
    def hopeless(self) -> bool:
        """All are loaded and none can ever answer."""
        return self._settled.is_set() and all(model.state is State.FAILED for model in self)

    @property
    def reason(self) -> str | None:
        """Why the process as a whole is not ready; None when it is."""
        if self.draining:
            return "The predictor is stopping."
        return next((model.reason for model in self if model.state is not State.READY), None)


def open_one(directory: Path, *, pool: Pool, limits: Limits) -> Served:
    """Read the manifest of a revision directory; raises ManifestError."""
    return Served(directory, manifests.read(directory), pool=pool, limits=limits)


def open_models(directories: Sequence[Path], *, pool: Pool, limits: Limits) -> list[Served]:
    """Read the manifests. A directory that is not sound is left out, unless it is the only one.

    Raises ManifestError when none is left, or when two hold the same model.
    """
    models: dict[str, Served] = {}
    broken: list[manifests.ManifestError] = []
    for given in directories:
        try:
            model = open_one(places.find(given), pool=pool, limits=limits)
        except manifests.ManifestError as error:
            log.warning("left out: %s", error)
            broken.append(error)
            continue
        if model.name in models:
            raise manifests.ManifestError(f"Two of the directories hold the model {model.name}.")
        models[model.name] = model
    if not models:
        raise broken[0]
    return list(models.values())
