"""One revision in this process: loading it, asking it, and why it may not be asked."""

import asyncio
import enum
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor import tracing
from veriaidpo_predictor.computing import memory, tasks
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.running import Running
from veriaidpo_predictor.computing.unusable import UnusableError
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.manifest import Manifest
from veriaidpo_predictor.serving import metrics
from veriaidpo_predictor.serving.drift import Recent
from veriaidpo_predictor.serving.engine import Engine, Place
from veriaidpo_predictor.tokenising import tokenise

log = logging.getLogger("veriaidpo.served")

MAX_TEXTS = 256
MAX_CHARACTERS = 16_384
"""Of one text. The gateway takes 4,000 and a normalised one may be longer; a tokenizer has to be spared the
rest."""

_ON_THE_SPOT = 2_000
"""Characters that are encoded, and their answers read, in the event loop itself."""

_Done = TypeVar("_Done")


class State(enum.Enum):
    """The life of a model in this process; the way back from the last two is another process."""

    LOADING = "loading"
    READY = "ready"
    REJECTED = "rejected"  # it loads, and answers its golden sentences wrongly
    FAILED = "failed"


class NotReadyError(Exception):
    """The model cannot be asked now; the message is a fixed sentence."""


_UNUSABLE = (manifests.ManifestError, tokenise.TokenizerError, UnusableError, NotReadyError)


class Served:
    """One revision in this process."""

    def __init__(self, directory: Path, manifest: Manifest, *, pool: Pool, limits: Limits) -> None:
        self.directory = directory
        self.manifest = manifest
        self.task = tasks.of(manifest.task, manifest.labels, manifest.tags, temperature=manifest.temperature)
        self.state = State.LOADING
        self.reason = "The model is loading."
        self.running = Running()
        self._place = Place(pool, limits, self.running)
        self._recent = Recent.beside(manifest.calibration)
        self._engine: Engine | None = None

    @property
    def name(self) -> str:
        """The model's name on the wire."""
        return self.manifest.model

    @property
    def is_fused(self) -> bool:
        """Whether it computes with this product's own operators."""
        return self._engine is not None and self._engine.is_fused

    def load(self) -> None:
        """Verify, load and warm up. Blocks; never raises: what went wrong is the reason."""
        moments = [time.monotonic()]
        try:
            manifests.verify(self.directory, self.manifest)
            moments.append(time.monotonic())
            fault = self._open_and_ask(moments)
            if fault is not None and self.is_fused:
                fault = self._without_operators(fault)
        except _UNUSABLE as error:
            self._end(State.FAILED, str(error))
        except Exception as error:
            self._end(State.FAILED, f"The model could not be loaded ({type(error).__name__}).")
            log.exception("loading failed", extra={"model": self.name})
        else:
            if fault is not None:
                self._end(State.REJECTED, fault)
                return
            self.state, self.reason = State.READY, ""
            moments.append(time.monotonic())
            verify, opening, warm_up = (round(b - a, 3) for a, b in itertools.pairwise(moments))
            log.info(
                "model ready",
                extra={
                    "model": self.name,
                    "revision": self.manifest.digest,
                    "seconds": round(moments[-1] - moments[0], 3),
                    "verify_seconds": verify,
                    "open_seconds": opening,
                    "warm_up_seconds": warm_up,
                    "golden": len(self.manifest.golden_sentences),
                    "fused": self.is_fused,
                },
            )

    def damaged(self, reason: str) -> None:
        """Answer no longer: its files are not what was published. Blocks, as `close` does."""
        metrics.damaged(self.name)
        self._end(State.FAILED, reason)
        self.show()

    def show(self) -> None:
        """Let metrics tell of this revision, and of no other of the same model."""
        metrics.ready(self.name, is_ready=self.state is State.READY)
        metrics.loaded(self.name, self.manifest.digest, self.manifest.format)
        metrics.watch_drift(self.name, self.manifest.digest, self._recent)
        if self._engine is not None:
            metrics.watch_queue(self.name, self._engine.queue)

    def close(self) -> None:
        """Give back what it holds, once what waits in its queue is computed. Blocks."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    async def answer(self, texts: Sequence[str], deadline: float, *, is_aside: bool = False) -> list[Any]:
        """Answer texts, in the form of the task; raises NotReadyError, or what Queue.compute raises.

        What is asked aside, made up by whoever explains an answer, is not counted.
        """
        if self._engine is None or self.state is not State.READY:
            raise NotReadyError(self.reason)
        tokeniser, queue = self._engine.tokeniser, self._engine.queue
        started = time.monotonic()
        encoded = await _aside(texts, lambda: self.task.encode(tokeniser, texts))
        metrics.tokenised(self.name, time.monotonic() - started, sum(one.truncated for one in encoded))
        tracing.took("tokenise", started, texts=len(texts))
        tracing.note(revision=self.manifest.digest)
        logits = await queue.compute_each([one.ids for one in encoded], deadline)
        found = await _aside(texts, lambda: self.task.answers(texts, encoded, logits))
        if not is_aside:
            self._note(found)
        return found

    def _note(self, found: Sequence[Any]) -> None:
        metrics.told(
            self.name, self.manifest.digest, (label for one in found for label in self.task.chosen(one))
        )
        if self._recent is not None:  # of a classification, then
            for one in found:
                self._recent.add(one.category_id, one.probabilities[one.category_id])

    def _open_and_ask(self, moments: list[float], *, has_operators: bool = True) -> str | None:
        """Give what is wrong with the answers to golden sentences; notes when it began to ask them."""
        self._engine = Engine.opened(
            self.directory, self.manifest, self.task, self._place, has_operators=has_operators
        )
        moments.append(time.monotonic())
        return self._engine.fault(self.task, self.manifest.golden_sentences)

    def _without_operators(self, fault: str) -> str | None:
        """Ask once more with ONNX Runtime's operators alone, whose answers differ by some roundings.

        Golden sentences may be older than this product's. What was opened is let go before.
        """
        self.close()
        memory.give_back()
        left = self._open_and_ask([], has_operators=False)
        if left is None:
            told = {"model": self.name, "revision": self.manifest.digest, "fused": False}
            log.warning("a model answers without the operators: %s", fault, extra=told)
        return left

    def _end(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        log.error("model not ready: %s", reason, extra={"model": self.name})
        self.close()


async def _aside(texts: Sequence[str], work: Callable[[], _Done]) -> _Done:
    """Do a sentence's 0.1 ms of work on the spot; what takes longer must not hold up the event loop."""
    if sum(map(len, texts)) <= _ON_THE_SPOT:
        return work()
    return await asyncio.to_thread(work)
