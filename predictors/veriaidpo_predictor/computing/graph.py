"""A graph in ONNX Runtime, opened and run: with this product's operators where they fit, else without."""

import logging
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.computing.fusing import library
from veriaidpo_predictor.computing.opening import Opening

Values = list[npt.NDArray[np.float32]]
Given = Mapping[str, npt.NDArray[np.int64]]
_logger = logging.getLogger("veriaidpo.session")


class RunError(Exception):
    """A batch could not be computed; the message is ONNX Runtime's, of nodes and shapes and of no text."""


class Graph:
    """A graph that runs. Safe to call from several threads at once.

    It is opened with the operators, unless asked for without; the first run that shows that they do not fit
    after all opens it without, and so do all runs from then on. Raises what ONNX Runtime does where the graph
    cannot be opened.
    """

    def __init__(self, opening: Opening, *, has_operators: bool) -> None:
        fused = opening.fused() if has_operators else None
        self._session = fused or opening.plain()
        self.is_fused = fused is not None
        self._opening = opening
        self._cores = opening.cores
        self._once = threading.Lock()
        self._may_open = self.is_fused

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs."""
        return [one.name for one in self._session.get_inputs()]

    @property
    def output(self) -> tuple[str, Sequence[int | str | None]]:
        """The name of its first output, and its shape as far as the graph says it."""
        first = self._session.get_outputs()[0]
        return first.name, first.shape

    def run(self, names: Sequence[str], given: Given) -> Values:
        """Give some of its values; raises RunError."""
        with self._cores.taken() as has_all:
            is_alone = has_all or self._cores.count == 1
            try:
                return self._run(names, given, is_alone=is_alone)
            except RunError as error:
                if not library.does_not_fit(str(error)):
                    raise
                cause = str(error)
            self._do_without(cause, names, given)
            return self._run(names, given, is_alone=is_alone)

    def _run(self, names: Sequence[str], given: Given, *, is_alone: bool) -> Values:
        if not is_alone:
            return self._aside(names, given)
        try:
            found: Values = self._session.run(names, given)
        except Exception as error:  # onnxruntime raises a dozen types of its own, none with a common parent
            raise RunError(str(error)) from error
        return found

    def _aside(self, names: Sequence[str], given: Given) -> Values:
        """Run on one of the session's own threads, which then helps no other run; wait for it here."""
        over = threading.Event()
        ended: list[tuple[Values, str]] = []

        def keep(found: Values, _data: None, error: str) -> None:
            ended.append((found, error))
            over.set()

        session = self._session  # not to be let go before the run is over, whatever takes its place
        session.run_async(names, given, keep, None)
        over.wait()
        found, error = ended[0]
        if error:
            raise RunError(error)
        return found

    def _do_without(self, cause: str, names: Sequence[str], given: Given) -> None:
        """Go on without the operators, if it is they that do not compute this; whoever else comes waits.

        Where ONNX Runtime's own do not either, it is not tried again.
        """
        with self._once:
            if not self._may_open:
                return
            self._may_open = False
            try:
                plain = self._opening.plain()
                plain.run(names, given)
            except Exception:  # noqa: BLE001 (as above)
                return
            self._session, self.is_fused = plain, False
        _logger.warning("a graph goes on without the operators: %s", cause)
