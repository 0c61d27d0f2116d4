"""The kserve side of a model: the two wire formats in, the two wire formats out.

Only this module and `server` import kserve, which reads the command line when it is imported.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from kserve import InferRequest, Model  # type: ignore[import-untyped]
from kserve.errors import InvalidInput  # type: ignore[import-untyped]

from veriaidpo_predictor.computing.queueing import DeadlineError, EngineError, QueueFullError, StoppedError
from veriaidpo_predictor.manifest import Manifest
from veriaidpo_predictor.serving import refusals
from veriaidpo_predictor.serving.refusals import RefusedError
from veriaidpo_predictor.serving.served import MAX_CHARACTERS, MAX_TEXTS, NotReadyError, Served, State

DEFAULT_DEADLINE_MS = 30_000
_INPUT = "text"
_ASIDE = "x-aside"
"""Header of what is nobody's question: texts made up to explain an answer."""


class Predictor(Model):  # type: ignore[misc]  # kserve has no types
    """One served revision behind kserve's endpoints, V1 `:predict` and V2 `/infer`."""

    def __init__(self, served: Served) -> None:
        super().__init__(served.name)
        self._served = served

    @property
    def manifest(self) -> Manifest:
        """The manifest of the revision."""
        return self._served.manifest

    @property
    def is_fused(self) -> bool:
        """Whether it computes with this product's own operators."""
        return self._served.is_fused

    async def healthy(self) -> bool:
        """Tell whether it answered its warm-up."""
        return self._served.state is State.READY

    def load(self) -> bool:
        """Refuse to load on demand: kserve would do so in the middle of a request."""
        return self._served.state is State.READY

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Answer in the format in which was asked; raises RefusedError or InvalidInput."""
        deadline = time.monotonic() + _milliseconds(headers or {}) / 1000
        texts = _v2_texts(payload) if isinstance(payload, InferRequest) else _v1_texts(payload)
        answers = await self._answer(texts, deadline, is_aside=(headers or {}).get(_ASIDE) == "true")
        if isinstance(payload, InferRequest):
            return self._v2(payload.id or uuid.uuid4().hex, answers)
        return self._v1(answers)

    async def _answer(self, texts: list[str], deadline: float, *, is_aside: bool) -> list[Any]:
        try:
            return await self._served.answer(texts, deadline, is_aside=is_aside)
        except QueueFullError as full:
            raise RefusedError(refusals.busy(full.retry_after)) from None
        except (NotReadyError, StoppedError):
            raise RefusedError(
                refusals.not_ready(self._served.reason or "The predictor is stopping.")
            ) from None
        except DeadlineError:
            raise RefusedError(refusals.DEADLINE) from None
        except EngineError:
            raise RefusedError(refusals.FAILED) from None

    def _v1(self, answers: list[Any]) -> dict[str, Any]:
        predictions = [self._served.task.prediction(answer) for answer in answers]
        return {"predictions": predictions, "model_revision": self._served.manifest.digest}

    def _v2(self, request_id: str, answers: list[Any]) -> dict[str, Any]:
        data = self._served.task.outputs(answers)
        return {
            "model_name": self.name,
            "id": request_id,
            "parameters": {"model_revision": self._served.manifest.digest},
            "outputs": [
                {"name": name, "shape": shape, "datatype": kind, "data": data[name]}
                for name, kind, shape in self._served.task.output_types(len(answers))
            ],
        }

    def get_input_types(self) -> list[dict[str, Any]]:
        """Tell what the metadata endpoint tells."""
        return [{"name": _INPUT, "datatype": "BYTES", "shape": [-1]}]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Tell what the metadata endpoint tells."""
        return [
            {"name": name, "datatype": kind, "shape": shape}
            for name, kind, shape in self._served.task.output_types(-1)
        ]


def _v2_texts(request: InferRequest) -> list[str]:
    if len(request.inputs) != 1:
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    given = request.inputs[0]
    texts = given.data
    if given.name != _INPUT or given.datatype != "BYTES" or not isinstance(texts, list):
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    if list(given.shape) not in ([len(texts)], [len(texts), 1]):
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    return _checked(texts)


def _v1_texts(payload: Any) -> list[str]:
    if not isinstance(payload, dict) or set(payload) != {"instances"}:
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    return _checked(payload["instances"])


def _checked(texts: Any) -> list[str]:
    """Between 1 and MAX_TEXTS strings, none blank, none too long, none that UTF-8 cannot write."""
    if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_TEXTS:
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    for text in texts:
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS or not text.strip():
            raise InvalidInput(refusals.BAD_INPUT.sentence)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(refusals.BAD_INPUT.sentence) from None
    return texts


def _milliseconds(headers: Mapping[str, str]) -> int:
    """How long the caller will still wait; without a word, 30 s."""
    given = headers.get("x-deadline-ms")
    if given is None:
        return DEFAULT_DEADLINE_MS
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise InvalidInput(refusals.BAD_INPUT.sentence)
    return min(int(given), DEFAULT_DEADLINE_MS)
