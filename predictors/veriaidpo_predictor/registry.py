"""The models of this process: what each is, whether it may be asked, and why not."""

import asyncio
import enum
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor import metrics, session, tasks, tokenise
from veriaidpo_predictor.batching import Pool, Queue
from veriaidpo_predictor.manifest import Manifest
from veriaidpo_predictor.waiting import Limits

log = logging.getLogger("veriaidpo.registry")

MAX_TEXTS = 256
MAX_CHARACTERS = 16_384
"""Of one text. The gateway takes 4,000 and a normalised one may be longer; a tokenizer has to be spared the
rest."""

_ON_THE_SPOT = 2_000
"""Characters that are encoded, and their answers read, in the event loop itself."""

_Done = TypeVar("_Done")

_WARM_UP = (
    "Công ty thu thập địa chỉ email của khách hàng.",
    "The company collects the e-mail addresses of customers.",
)


class State(enum.Enum):
    """The life of a model in this process; the way back from the last two is another process."""

    LOADING = "loading"
    READY = "ready"
    REJECTED = "rejected"  # it loads, and answers its golden sentences wrongly
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Engine:
    tokeniser: tokenise.Tokeniser
    run: session.Session
    queue: Queue


class NotReadyError(Exception):
    """The model cannot be asked now; the message is a fixed sentence."""


class _RejectedError(Exception):
    """A golden sentence got another answer."""


_UNUSABLE = (manifests.ManifestError, tokenise.TokenizerError, session.SessionError, NotReadyError)


class Served:
    """One revision in this process."""

    def __init__(self, directory: Path, manifest: Manifest, *, pool: Pool, limits: Limits) -> None:
        self.directory = directory
        self.manifest = manifest
        self.task = tasks.of(manifest.task, manifest.labels, manifest.tags)
        self.state = State.LOADING
        self.reason = "The model is loading."
        self._pool = pool
        self._limits = limits
        self._engine: _Engine | None = None

    @property
    def name(self) -> str:
        """The model's name on the wire."""
        return self.manifest.model

    def load(self) -> None:
        """Verify, load and warm up. Blocks; never raises: what went wrong is the reason."""
        started = time.monotonic()
        try:
            manifests.verify(self.directory, self.manifest)
            self._engine = self._open()
            self._warm_up(self._engine)
        except _RejectedError as error:
            self._end(State.REJECTED, str(error))
        except _UNUSABLE as error:
            self._end(State.FAILED, str(error))
        except Exception as error:
            self._end(State.FAILED, f"The model could not be loaded ({type(error).__name__}).")
            log.exception("loading failed", extra={"model": self.name})
        else:
            self.state, self.reason = State.READY, ""
            log.info(
                "model ready",
                extra={
                    "model": self.name,
                    "revision": self.manifest.digest,
                    "seconds": round(time.monotonic() - started, 3),
                    "golden": len(self.manifest.golden_sentences),
                },
            )
        metrics.ready(self.name, is_ready=self.state is State.READY)

    async def answer(self, texts: Sequence[str], deadline: float) -> list[Any]:
        """Answer texts, in the form of the task; raises NotReadyError, or what Queue.compute raises."""
        if self._engine is None or self.state is not State.READY:
            raise NotReadyError(self.reason)
        tokeniser, queue = self._engine.tokeniser, self._engine.queue
        encoded = await _aside(texts, lambda: self.task.encode(tokeniser, texts))
        logits = await queue.compute_each([one.ids for one in encoded], deadline)
        return await _aside(texts, lambda: self.task.answers(texts, encoded, logits))

    def _open(self) -> _Engine:
        tokeniser = tokenise.build(
            self.directory, self.manifest.tokenizer, max_tokens=self.manifest.max_tokens
        )
        run = session.load(
            self.directory,
            labels=self.task.width,
            per_token=self.task.per_token,
            cores=self._pool.cores,
        )
        queue = self._pool.queue(metrics.timed(self.name, run), self._limits)
        metrics.watch_queue(self.name, lambda: queue.waiting_tokens)
        return _Engine(tokeniser, run, queue)

    def _warm_up(self, engine: _Engine) -> None:
        """Answer before anybody asks: the golden sentences where there are some, a fixed text otherwise."""
        golden = self.manifest.golden_sentences
        texts = [sentence.text for sentence in golden] or list(_WARM_UP)
        encoded = self.task.encode(engine.tokeniser, texts)
        ids = [one.ids for one in encoded]
        found = self.task.answers(texts, encoded, [engine.run([row])[0] for row in ids])
        engine.run(ids[: self._limits.batch_rows])
        for number, (sentence, answer) in enumerate(zip(golden, found, strict=False), start=1):
            fault = self.task.fault(sentence, answer)
            if fault is not None:
                raise _RejectedError(f"Golden sentence {number} got {fault}.")

    def _end(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        log.error("model not ready: %s", reason, extra={"model": self.name})


class Registry:
    """The served models by name, and whether the process still wants to be asked."""

    def __init__(self, models: Sequence[Served]) -> None:
        self._models = {model.name: model for model in models}
        self._settled = threading.Event()
        self.draining = False

    def __iter__(self) -> Iterator[Served]:
        return iter(self._models.values())

    def get(self, name: str) -> Served | None:
        """Give the model of that name, if there is one."""
        return self._models.get(name)

    def load_all(self) -> None:
        """Load one after another: together they would need the memory of all at once."""
        for model in self:
            model.load()
        self._settled.set()

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


async def _aside(texts: Sequence[str], work: Callable[[], _Done]) -> _Done:
    """Do a sentence's 0.1 ms of work on the spot; what takes longer must not hold up the event loop."""
    if sum(map(len, texts)) <= _ON_THE_SPOT:
        return work()
    return await asyncio.to_thread(work)


def open_models(directories: Sequence[Path], *, pool: Pool, limits: Limits) -> list[Served]:
    """Read the manifests. A directory that is not sound is left out, unless it is the only one.

    Raises ManifestError when none is left, or when two hold the same model.
    """
    models: dict[str, Served] = {}
    broken: list[manifests.ManifestError] = []
    for given in directories:
        try:
            directory = manifests.find(given)
            manifest = manifests.read(directory)
        except manifests.ManifestError as error:
            log.warning("left out: %s", error)
            broken.append(error)
            continue
        if manifest.model in models:
            raise manifests.ManifestError(f"Two of the directories hold the model {manifest.model}.")
        models[manifest.model] = Served(directory, manifest, pool=pool, limits=limits)
    if not models:
        raise broken[0]
    return list(models.values())
