"""The registry of a shared predictor: models come, are replaced and go while the others answer."""

import threading
from dataclasses import dataclass
from typing import Any

from veriaidpo_predictor.serving import metrics
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.serving.served import Served, State


@dataclass(frozen=True, slots=True)
class Refused:
    """A revision that was wanted and cannot be served, and why."""

    revision: str
    state: State
    reason: str


class SharedRegistry(Registry):
    """Ready as a whole once its first list was looked through, whatever became of each model."""

    def __init__(self) -> None:
        super().__init__(())
        self._refused: dict[str, Refused] = {}
        self._asked: dict[str, str] = {}
        self._lock = threading.Lock()

    def put(self, model: Served) -> Served | None:
        """Let a model answer under its name; gives the one that did before, if it was another."""
        with self._lock:
            before = self._models.get(model.name)
            self._models[model.name] = model
            self._refused.pop(model.name, None)
        model.show()
        return None if before is model else before

    def ask_for(self, name: str, entry: str) -> None:
        """Note what the list wants of a model now; what became of another wish no longer counts."""
        with self._lock:
            self._asked[name] = entry
            self._refused.pop(name, None)

    def refuse(self, name: str, refused: Refused) -> None:
        """Keep what became of a revision that does not answer; the one before it may."""
        with self._lock:
            self._refused[name] = refused

    def remove(self, name: str) -> Served | None:
        """Forget a model; gives it, if it was there."""
        with self._lock:
            self._refused.pop(name, None)
            self._asked.pop(name, None)
            gone = self._models.pop(name, None)
        metrics.forget(name)
        return gone

    def settle(self) -> None:
        """Say that the list was looked through."""
        self._settled.set()

    def states(self) -> dict[str, Any]:
        """Tell of each model which revision answers, what the list wants, and what became of that."""
        with self._lock:
            models, refused, asked = dict(self._models), dict(self._refused), dict(self._asked)
        return {
            name: {
                "listed": asked.get(name),
                "serving": _plain(models.get(name)),
                "refused": _plain(refused.get(name)),
            }
            for name in sorted(models.keys() | asked.keys())
        }

    @property
    def hopeless(self) -> bool:
        """Never: another list may come."""
        return False

    @property
    def reason(self) -> str | None:
        """Why the process as a whole is not ready; a model that is not has its own reason."""
        if self.draining:
            return "The predictor is stopping."
        return None if self._settled.is_set() else "The models are loading."


def _plain(one: Served | Refused | None) -> dict[str, str] | None:
    if one is None:
        return None
    revision = one.manifest.digest if isinstance(one, Served) else one.revision
    return {"revision": revision, "state": one.state.value, "reason": one.reason}
