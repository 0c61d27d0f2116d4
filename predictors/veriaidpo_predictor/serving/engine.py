"""What answers for a revision: its tokenizer, its network and the queue before that."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veriaidpo_predictor.computing import runtimes
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.network import Run
from veriaidpo_predictor.computing.queueing import Queue
from veriaidpo_predictor.computing.running import Running
from veriaidpo_predictor.computing.tasks import Task
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.golden import Golden
from veriaidpo_predictor.manifest import Manifest
from veriaidpo_predictor.serving import metrics
from veriaidpo_predictor.tokenising import tokenise

_WARM_UP = (
    "Công ty thu thập địa chỉ email của khách hàng.",
    "The company collects the e-mail addresses of customers.",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where engines of this process run; `running` knows which runs of a model are under way."""

    pool: Pool
    limits: Limits
    running: Running


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers for a revision. `network` computes; `run` is the same, watched and measured."""

    tokeniser: tokenise.Tokeniser
    network: Run
    run: Run
    queue: Queue
    place: Place

    @classmethod
    def opened(
        cls, directory: Path, manifest: Manifest, task: Task[Any], place: Place, *, has_operators: bool = True
    ) -> "Engine":
        """Open a verified revision; raises TokenizerError or UnusableError."""
        tokeniser = tokenise.build(directory, manifest.tokenizer, max_tokens=manifest.max_tokens)
        network = runtimes.load(directory, manifest, task, place.pool.cores, has_operators=has_operators)
        run = metrics.timed(manifest.model, place.running.watched(network))
        return cls(tokeniser, network, run, place.pool.queue(run, place.limits), place)

    @property
    def is_fused(self) -> bool:
        """Whether it computes with this product's own operators."""
        return bool(getattr(self.network, "is_fused", False))

    def fault(self, task: Task[Any], golden: Sequence[Golden]) -> str | None:
        """Answer before anybody asks: the golden sentences where there are some, a fixed text otherwise.

        Says which golden sentence got another answer than it should, as one sentence without its text.
        """
        texts = [sentence.text for sentence in golden] or list(_WARM_UP)
        encoded = task.encode(self.tokeniser, texts)
        ids = [one.ids for one in encoded]
        found = task.answers(texts, encoded, [self.run([row])[0] for row in ids])
        self.run(ids[: self.place.limits.batch_rows])
        for number, (sentence, answer) in enumerate(zip(golden, found, strict=False), start=1):
            fault = task.fault(sentence, answer)
            if fault is not None:
                return f"Golden sentence {number} got {fault}."
        return None

    def close(self) -> None:
        """Refuse what comes, once what waits is computed. Blocks."""
        self.place.pool.close(self.queue)
