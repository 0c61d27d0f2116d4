"""The client of the predictors: deadlines, service tokens, one more attempt, a breaker for each model.

Nothing a predictor says in an error reaches a caller, for it might repeat another caller's text.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from veriaidpo_gateway import tracing
from veriaidpo_gateway.breaker import Breaker
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.models import inference, tagged
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.models.pool import BusyError, NoAnswerError, Post, Reply, SilentError
from veriaidpo_gateway.models.routes import Model
from veriaidpo_gateway.models.service_token import ServiceTokens
from veriaidpo_gateway.models.tagged import Tagged

T = TypeVar("T")

_SECONDS = re.compile(r"[0-9]{1,3}", re.ASCII)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One caller's request on its way: its id, and when (monotonic seconds) its time is up."""

    request_id: str
    deadline: float
    allowed: float
    """Seconds the whole request was given."""
    is_aside: bool = False
    """Whether its texts are nobody's questions, so that the predictor does not count their labels."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What this replica saw of a model. `latency` is a moving average in seconds."""

    latency: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None


class Predictors:
    """Asks the predictor of a model."""

    def __init__(
        self,
        post: Post,
        tokens: ServiceTokens | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._send, self._tokens, self._clock, self._wall = post, tokens, clock, wall
        self._breakers: dict[str, Breaker] = {}
        self._seen: dict[str, Seen] = {}

    def seen(self, model: str) -> Seen:
        """Tell what this replica saw of a model so far."""
        return self._seen.get(model, Seen())

    async def infer(self, model: Model, texts: Sequence[str], call: Call) -> tuple[Inference, ...]:
        """Ask a classifier for texts; 503 when it does not answer or is busy, 504 when it takes too long."""
        return await self._ask(
            model,
            texts,
            call,
            lambda body: inference.decode(body, model=model.name, labels=len(model.labels), texts=len(texts)),
        )

    async def tag(self, model: Model, texts: Sequence[str], call: Call) -> tuple[Tagged, ...]:
        """Ask a model that finds names; the same errors."""
        return await self._ask(model, texts, call, lambda body: tagged.decode(body, model=model, texts=texts))

    async def _ask(self, model: Model, texts: Sequence[str], call: Call, decode: Callable[[bytes], T]) -> T:
        breaker = self._breakers.setdefault(model.name, Breaker(failures=5, pause=2.0, clock=self._clock))
        if not breaker.allows():
            raise self._unavailable(model, "held back", ErrorCode.MODEL_UNAVAILABLE)
        started = self._clock()
        with (
            tracing.stage("predict", model=model.name, texts=len(texts)),
            self._counting(model, breaker, call),
        ):
            reply = await self._post(model, inference.encode(call.request_id, texts), call)
            answer = decode(self._read(model, reply, call))
        breaker.succeeded()
        self._remember_latency(model.name, self._clock() - started)
        return answer

    @contextmanager
    def _counting(self, model: Model, breaker: Breaker, call: Call) -> Iterator[None]:
        try:
            yield
        except BusyError as error:
            raise self._unavailable(model, "too many calls under way", ErrorCode.MODEL_BUSY) from error
        except SilentError as error:
            breaker.failed()
            self._remember(model.name, "timeout")
            raise too_late(call) from error
        except NoAnswerError as error:
            breaker.failed()
            raise self._unavailable(model, str(error), ErrorCode.MODEL_UNAVAILABLE) from error
        except ValueError as error:
            breaker.failed()
            raise self._unavailable(model, "not an answer", ErrorCode.MODEL_UNAVAILABLE) from error
        except BaseException:
            # Also our own deadline, which cancels: a predictor that never answers must open the breaker.
            if self._clock() >= call.deadline:
                breaker.failed()
                self._remember(model.name, "timeout")
            raise

    async def _post(self, model: Model, body: bytes, call: Call) -> Reply:
        for attempt in (1, 2):
            left = call.deadline - self._clock()
            if left <= 0:
                raise too_late(call)
            try:
                return await self._send(model.infer_url, body, self._headers(model, call, left), seconds=left)
            except NoAnswerError:
                # A connection just dropped, or the address of a pod that has gone; asking twice gives the
                # same answer.
                if attempt == 2:
                    raise
        raise AssertionError

    def _headers(self, model: Model, call: Call, left: float) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "X-Request-Id": call.request_id,
            "X-Deadline-Ms": str(max(1, int(left * 1000))),
            **tracing.headers(),
        }
        if call.is_aside:
            headers["X-Aside"] = "true"
        if self._tokens is not None:
            headers["Authorization"] = f"Bearer {self._tokens.for_model(model.name)}"
        return headers

    def _read(self, model: Model, reply: Reply, call: Call) -> bytes:
        if reply.status == 200:
            return reply.body
        if reply.status in (429, 503):
            raise self._unavailable(model, f"status {reply.status}", ErrorCode.MODEL_BUSY, reply.retry_after)
        if reply.status == 504:
            self._remember(model.name, "status 504")
            raise too_late(call)
        raise NoAnswerError(f"status {reply.status}")

    def _unavailable(
        self, model: Model, what: str, code: ErrorCode, retry_after: str | None = None
    ) -> GatewayError:
        if what != "held back":
            self._remember(model.name, what)
            _log.warning("model %s: %s", model.name, what)
        said = int(retry_after) if retry_after and _SECONDS.fullmatch(retry_after) else 2
        # At least one: a batch asks again after as many, and so may callers.
        headers = {"Retry-After": str(max(1, said))}
        return GatewayError(code, {"model": model.name, "state": model.state}, headers)

    def _remember(self, model: str, error: str) -> None:
        self._seen[model] = replace(self.seen(model), last_error=error, last_error_at=self._wall())

    def _remember_latency(self, model: str, seconds: float) -> None:
        seen = self.seen(model)
        average = seconds if seen.latency is None else 0.9 * seen.latency + 0.1 * seconds
        self._seen[model] = replace(seen, latency=average)


def too_late(call: Call) -> GatewayError:
    """Make the 504 of a request whose time is up."""
    return GatewayError(ErrorCode.DEADLINE_EXCEEDED, {"deadline_seconds": round(call.allowed)})
