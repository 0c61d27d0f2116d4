"""The models of a shared predictor: a list in a folder says which revision of which, and is followed.

A model is loaded beside the one that it replaces, which answers until then: no request is lost. What cannot
be loaded takes nothing away: the revision before goes on, and the states tell why the new one does not.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.serving.served import Served, State
from veriaidpo_predictor.serving.shared import Refused, SharedRegistry
from veriaidpo_predictor.serving.unfinished import ENDED, Unfinished

log = logging.getLogger("veriaidpo.following")

AGAIN_SECONDS = 60.0
"""A revision that could not be loaded is looked at again: its bytes may have been fetched anew."""
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 1.0
"""For requests that found a model and are not in its queue yet."""
_NAME = re.compile(manifests.MODEL_NAME)
_ENTRY = re.compile(rf"{manifests.SHA256}( [0-9]{{1,9}})?")


class ListError(Exception):
    """A list that cannot be followed; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new list asks for: entries by the name of their model, and names that are no longer wanted."""

    load: Mapping[str, str]
    unload: frozenset[str]


def read(folder: Path) -> dict[str, str]:
    """Read a list: a file for each model, named as it is, with the digest of its revision; raises ListError.

    A number may follow the digest: another one asks for the same revision to be tried again. That is how a
    ConfigMap looks in a pod, with hidden names besides that are the kubelet's own.
    """
    try:
        found = {
            path.name: path.read_text("ascii").strip()
            for path in folder.iterdir()
            if not path.name.startswith(".")
        }
    except (OSError, ValueError) as error:
        raise ListError(f"{folder} cannot be read as a list of models ({type(error).__name__}).") from error
    for name, entry in found.items():
        if not (_NAME.fullmatch(name) and _ENTRY.fullmatch(entry)):
            raise ListError(f"{folder / name} is not the digest of a revision under the name of a model.")
    return found


def changes(wanted: Mapping[str, str], there: Mapping[str, str]) -> Changes:
    """Compare a list with what is loaded, or was tried in vain."""
    return Changes(
        load={name: entry for name, entry in wanted.items() if there.get(name) != entry},
        unload=frozenset(there.keys() - wanted.keys()),
    )


@dataclass(slots=True)
class Follower:
    """Keeps a registry as the list has it. Blocking; one thread at a time.

    `open_one` reads the manifest of a revision directory; `serve` and `drop` tell the server of a model;
    `unfinished` knows what an earlier process ended of.
    """

    folder: Path
    root: Path
    registry: SharedRegistry
    open_one: Callable[[Path], Served]
    serve: Callable[[Served], None]
    drop: Callable[[str], None]
    unfinished: Unfinished
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _tried: dict[str, str] = field(default_factory=dict)
    _again: dict[str, float] = field(default_factory=dict)
    _said: str = ""

    def follow(self, stop: threading.Event) -> None:
        """Look at once, and then once a second until told to stop. Whatever happens, it goes on."""
        while True:
            try:
                self.look()
            except Exception:
                log.exception("the list was not followed to its end")
            if stop.wait(_LOOK_SECONDS):
                return

    def look(self) -> None:
        """Read the list and do what it asks for, one model after another; a wrong list changes nothing."""
        try:
            wanted = read(self.folder)
        except ListError as error:
            if str(error) != self._said:
                log.error("%s", error)  # noqa: TRY400  the sentence is all there is to know
            self._said = str(error)
            return
        self._said = ""
        now = self.clock()
        for model in self.registry:  # damaged since it was loaded
            if model.state is State.FAILED:
                self._again.setdefault(model.name, now + AGAIN_SECONDS)
        # Of what has left the list it is kept in mind that it was loaded: it has to be unloaded.
        for name in [name for name, at in self._again.items() if at <= now and name in wanted]:
            self._forget(name)
        asked = changes(wanted, self._tried)
        for name in asked.unload:
            self._forget(name)
            self.drop(name)
            self._retire(self.registry.remove(name))
            log.info("model unloaded", extra={"model": name})
        for name, entry in asked.load.items():
            try:
                self._take_up(name, entry)
            except Exception as error:
                log.exception("loading failed", extra={"model": name})
                told = f"The model could not be loaded ({type(error).__name__})."
                self._refuse(name, Refused(entry[:64], State.FAILED, told))
        self.registry.settle()

    def _take_up(self, name: str, entry: str) -> None:
        self._forget(name)
        self._tried[name] = entry
        self.registry.ask_for(name, entry)
        directory = self.root / "models" / name / "revisions" / entry[:64]
        if self._answers_already(name, directory):
            return  # another was tried in between, and this one answered all the while
        left = self.unfinished.seconds_left(name, entry)
        if left > 0:
            self._refuse(name, Refused(entry[:64], State.REJECTED, ENDED))
            self._again[name] = self.clock() + left
            return
        self._load(name, entry, directory)

    def _answers_already(self, name: str, directory: Path) -> bool:
        """Tell whether what lies there is what answers: published anew, it has another manifest."""
        there = self.registry.get(name)
        if there is None or there.state is not State.READY or there.manifest.digest != directory.name:
            return False
        try:
            return manifests.read(directory) == there.manifest
        except manifests.ManifestError:
            return False

    def _load(self, name: str, entry: str, directory: Path) -> None:
        digest = directory.name
        try:
            model = self.open_one(directory)
        except manifests.ManifestError as error:
            self._refuse(name, Refused(digest, State.FAILED, str(error)))
            return
        if (model.name, model.manifest.digest) != (name, digest):
            told = f"{directory} holds another model than its path says."
            self._refuse(name, Refused(digest, State.FAILED, told))
            return
        before = self.registry.get(name)
        if (
            before is None or before.state is not State.READY
        ):  # so that callers are told that it is on its way
            self._answer(model)
        with self.unfinished.loading(name, entry):
            model.load()
        if model.state is State.READY:
            self._answer(model)
        else:
            self._refuse(name, Refused(digest, model.state, model.reason))

    def _answer(self, model: Served) -> None:
        before = self.registry.put(model)
        self.serve(model)
        self._retire(before)

    def _refuse(self, name: str, refused: Refused) -> None:
        self.registry.refuse(name, refused)
        if refused.state is State.FAILED:
            self._again[name] = self.clock() + AGAIN_SECONDS

    def _retire(self, gone: Served | None) -> None:
        """Let what was asked of a model end before its memory is given back."""
        if gone is not None:
            self.pause(_GRACE_SECONDS)
            gone.close()

    def _forget(self, name: str) -> None:
        self._tried.pop(name, None)
        self._again.pop(name, None)
