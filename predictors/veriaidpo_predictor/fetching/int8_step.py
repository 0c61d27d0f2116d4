"""The step of a fetch that turns the graph into int8, and keeps the original where the gate says so.

What it needs (onnx, onnxruntime, tokenizers) is loaded when it is needed: a fetch that only downloads does
without.
"""

# ruff: noqa: PLC0415
import importlib.util
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veriaidpo_predictor import labels, verdict
from veriaidpo_predictor.computing import cpu
from veriaidpo_predictor.computing.unusable import UnusableError
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.files import CONFIG, GRAPH, GRAPH_DATA, GRAPH_FILES
from veriaidpo_predictor.manifest import FileEntry, TokenizerKind
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.verdict import Conversion

if TYPE_CHECKING:
    from veriaidpo_predictor.computing.tasks import Task
    from veriaidpo_predictor.tokenising.tokenise import Tokeniser

log = logging.getLogger("veriaidpo.int8")

RECIPE = "int8-rows/2"
"""What follows the recipe of the original graph, behind a plus."""

_WORK = "int8"


@dataclass(frozen=True, slots=True)
class Converted:
    """How it ended; `made_of` are the files that int8 took the place of, and none when it did not."""

    conversion: Conversion
    made_of: dict[str, FileEntry]


def check() -> None:
    """Raise FetchError(UNSUPPORTED_FORMAT) where the libraries that this step needs are not installed."""
    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime", "tokenizers"))):
        raise FetchError(
            Reason.UNSUPPORTED_FORMAT, "int8 was asked for, and it needs veriaidpo-predictor[convert]."
        )


def replace(
    folder: Path, asked: FetchSpec, files: dict[str, FileEntry], tokenizer: TokenizerKind
) -> Converted:
    """Make the int8 graph, and put it into `files` in place of the original if it passes the gate.

    Raises FetchError(OUT_OF_SPACE). A graph that cannot be converted or measured is one that fails.
    """
    from veriaidpo_predictor.converting import int8
    from veriaidpo_predictor.converting.graph_file import UnfitGraphError

    gate = asked.conversion.gate
    work = folder / _WORK
    shutil.rmtree(work, ignore_errors=True)  # an attempt that died in the middle
    work.mkdir()
    try:
        asking = _Asking.of(folder, asked, tokenizer)
        made = int8.convert(
            folder, work, asking.rows(int8.SENTENCES), width=asking.task.width,
            per_token=asking.task.per_token, cpu_class=cpu.this(),
        )  # fmt: skip
        figures = asking.measure(asked)
        conversion = verdict.ended(figures, gate)
    except UnfitGraphError as error:
        conversion = verdict.failed(gate, f"No int8 graph can be made: {error}.")
    log.info("conversion", extra={"conversion": verdict.told(conversion)})
    if conversion.gate == "Failed":
        shutil.rmtree(work)
        return Converted(conversion, {})
    made_of = {path: files.pop(path) for path in GRAPH_FILES if path in files}
    for path in made_of:
        (folder / path).unlink()
    for path in (GRAPH, GRAPH_DATA):
        (work / Path(path).name).rename(folder / path)
        files[path] = made[Path(path).name]
    shutil.rmtree(work)
    return Converted(conversion, made_of)


@dataclass(frozen=True, slots=True)
class _Asking:
    """What it takes to ask a model of a folder something."""

    folder: Path
    task: "Task[Any]"
    tokeniser: "Tokeniser"

    @classmethod
    def of(cls, folder: Path, asked: FetchSpec, tokenizer: TokenizerKind) -> "_Asking":
        from veriaidpo_predictor.computing import tasks
        from veriaidpo_predictor.converting.graph_file import UnfitGraphError
        from veriaidpo_predictor.tokenising import tokenise

        task = tasks.of(asked.task, asked.labels, labels.tags(folder / CONFIG, asked.labels, asked.task))
        try:
            return cls(folder, task, tokenise.build(folder, tokenizer, max_tokens=asked.max_tokens))
        except tokenise.TokenizerError as error:
            raise UnfitGraphError(str(error).removesuffix(".")) from error

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        return [one.ids for one in self.task.encode(self.tokeniser, texts)]

    def measure(self, asked: FetchSpec) -> verdict.Figures:
        """Let both graphs answer the gate set; raises UnfitGraphError where that cannot be done."""
        from veriaidpo_predictor.computing import session
        from veriaidpo_predictor.converting import gate
        from veriaidpo_predictor.converting.graph_file import UnfitGraphError

        golden = [one.text for one in asked.golden_sentences]
        known = set(golden)
        texts = [*golden, *(text for text in dict.fromkeys(asked.gate_sentences) if text not in known)]
        if not texts:
            raise UnfitGraphError("there are neither golden nor gate sentences to compare it on")
        encoded = self.task.encode(self.tokeniser, texts)
        try:
            original, converted = (
                session.load(
                    self.folder, labels=self.task.width, per_token=self.task.per_token, graph=graph,
                    is_narrow=made and cpu.saturates(cpu.this()),
                )
                for graph, made in ((GRAPH, False), (f"{_WORK}/{Path(GRAPH).name}", True))
            )  # fmt: skip
            answered = gate.ask(original, converted, encoded)
        except UnusableError as error:
            raise UnfitGraphError(str(error).removesuffix(".")) from error
        return gate.compare(self.task, gate.Sentences(texts, asked.golden_sentences, encoded), *answered)
