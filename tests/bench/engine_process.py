"""An engine that runs in a process of its own, and what it is asked."""

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.engines import Engine
from bench.peers import environment_of
from tables import REPO


@dataclass(frozen=True, slots=True)
class Shape:
    """Texts a call, and tokens a text."""

    batch: int
    tokens: int

    def __str__(self) -> str:
        """Give it as it stands in a table."""
        return f"{self.batch} x {self.tokens}"


@dataclass(frozen=True, slots=True)
class Timed:
    """Medians of a few calls: CPU milliseconds of a text, wall milliseconds of a call."""

    cpu_ms: float
    latency_ms: float


class EngineError(Exception):
    """An engine that ended or never was ready; the text is the end of what it wrote."""


class Process:
    """A loaded engine; it ends with the block."""

    def __init__(self, engine: Engine, folder: Path, *, threads: int) -> None:
        """Start it; it loads while others do the same."""
        self.engine = engine
        self.peak_mb = 0
        self._log = folder / f"{engine.name}.log"
        worker = Path(__file__).with_name("engine_worker.py")
        # Libraries that read their number of threads from the environment must not find another one.
        threads_of = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        paths = {"PYTHONPATH": str(REPO / "predictors"), "HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}
        kernels = "" if "plain" in engine.options else str(REPO / ".venv/predictors/lib/veriaidpo_kernels.so")
        paths["VERIAIDPO_KERNELS"] = kernels  # which hack/bench has built
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(environment_of("peer-engines") / "python"), str(worker), engine.library,
                    str(folder / engine.file), str(threads), *engine.options,
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=os.environ | threads_of | paths,
            )  # fmt: skip

    def __enter__(self) -> Self:
        """Wait until it is loaded."""
        try:
            self._heard()
        except EngineError:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def times(self, shape: Shape, runs: int) -> Timed:
        """Time a few calls of one shape."""
        found = self._ask({"batch": shape.batch, "tokens": shape.tokens, "runs": runs})
        self.peak_mb = found["peak_mb"]
        cpu, wall = (statistics.median(found[kind]) * 1e3 for kind in ("cpu", "wall"))
        return Timed(round(cpu / shape.batch, 2), round(wall, 2))

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        """Answer texts as one batch, padded to the longest."""
        found: list[list[float]] = self._ask({"texts": texts})
        return found

    def _ask(self, what: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        """Read its next answer; a library's own lines on standard output are passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith((b"{", b"[[")):
                return json.loads(line)
        raise EngineError(f"{self.engine.name}: {self._log.read_text(errors='replace')[-2_000:]}")

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
