"""The first and the last a request meets: its id, headers nobody may send twice, and one log line. Pure ASGI.

Who somebody is comes from the token alone, so headers that claim it are dropped before anything can read
them.
"""

import hashlib
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veriaidpo_gateway.errors import ErrorCode, GatewayError, Messages
from veriaidpo_gateway.exchange import SCOPE_KEY, Exchange, known_method
from veriaidpo_gateway.metrics import Metrics
from veriaidpo_gateway.tracing import Tracer, Untraced

MOST_HEADERS = 64
MOST_HEADER_BYTES = 16 * 1024

_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{8,64}")
_ONCE = frozenset(
    {b"authorization", b"host", b"content-length", b"content-type", b"content-encoding", b"x-request-id"}
)
_VERSIONS = frozenset({"1.0", "1.1", "2"})
_DROPPED = frozenset(
    {
        b"x-tenant-id", b"x-tenant", b"x-user-role", b"x-user-id", b"x-user", b"x-role", b"x-permissions",
        b"x-original-url", b"x-original-uri", b"x-rewrite-url", b"x-http-method-override", b"x-http-method",
        b"x-method-override", b"forwarded", b"x-real-ip",
    }
)  # fmt: skip
_EVERY_ANSWER = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]

_log = logging.getLogger(__name__)


class Edge:
    """Wraps the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        messages: Messages,
        metrics: Metrics,
        tracer: Tracer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._messages, self._metrics, self._clock = app, messages, metrics, clock
        self._tracer = tracer or Untraced()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(request_id=str(uuid.uuid4()), started=self._clock())
        scope[SCOPE_KEY] = exchange
        with self._tracer.request(scope, exchange):
            await self._answer(scope, receive, send, exchange)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        answer = _Answer(exchange, send)
        try:
            acceptable = self._look_at(scope, exchange)
            if acceptable:
                await self._app(scope, receive, answer)
            else:
                await self._refuse(
                    answer, exchange, GatewayError(ErrorCode.BAD_HEADERS, headers={"Connection": "close"})
                )
        except Exception:  # noqa: BLE001  the last place where an error can still become an answer
            _log.exception("unexpected error", extra={"fields": {"request_id": exchange.request_id}})
            if not answer.started:
                await self._refuse(answer, exchange, GatewayError(ErrorCode.INTERNAL))
        finally:
            self._finish(scope, exchange)

    def _look_at(self, scope: Scope, exchange: Exchange) -> bool:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES:
            return False
        names = [name.replace(b"_", b"-") for name, _ in headers]
        # The parser takes versions that there are not, and a request of HTTP/1.1 that is for no host.
        version = scope.get("http_version", "1.1")
        if version not in _VERSIONS or (version == "1.1" and b"host" not in names):
            return False
        for name, (_, value) in zip(names, headers, strict=True):
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                exchange.request_id = value.decode("ascii")
            elif name == b"authorization":
                exchange.authorization = value.decode("latin-1")
        scope["headers"] = [pair for name, pair in zip(names, headers, strict=True) if not _dropped(name)]
        return not _twice(names)

    async def _refuse(self, send: Send, exchange: Exchange, error: GatewayError) -> None:
        exchange.code = error.code.value
        body = json.dumps(self._messages.body(error, exchange.request_id), ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _finish(self, scope: Scope, exchange: Exchange) -> None:
        seconds = self._clock() - exchange.started
        route = scope.get("route")
        exchange.route = getattr(route, "name", None) or exchange.route
        self._metrics.observe(exchange, seconds)
        _log.info("request", extra={"fields": _line(scope, exchange, seconds)})


class _Answer:
    """Passes the answer on, with the headers every answer has."""

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange, self._send = exchange, send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._exchange.status = message["status"]
            message["headers"] = [*message["headers"], *_EVERY_ANSWER, *self._own()]
        await self._send(message)

    def _own(self) -> Iterable[tuple[bytes, bytes]]:
        yield b"x-request-id", self._exchange.request_id.encode()
        if self._exchange.taken is not None:
            for name, value in self._exchange.taken.headers().items():
                yield name.lower().encode(), value.encode()


def _dropped(name: bytes) -> bool:
    return name in _DROPPED or name.startswith(b"x-forwarded-")


def _twice(names: list[bytes]) -> bool:
    watched = [name for name in names if name in _ONCE]
    return len(watched) != len(set(watched))


def _line(scope: Scope, exchange: Exchange, seconds: float) -> dict[str, Any]:
    """Tell what may be known of a request: a tenant by its hash, a user not at all, a path by its route."""
    line = {
        "request_id": exchange.request_id,
        "trace_id": exchange.trace_id,
        "method": known_method(scope),
        "route": exchange.route,
        "status": exchange.status,
        "ms": round(seconds * 1000, 2),
        "code": exchange.code,
        "model": exchange.model,
        "revision": (exchange.revision or "")[:12] or None,
        "cached": exchange.cached,
        "items": exchange.items,
        "failed": None if exchange.items is None else exchange.failed,
    }
    if exchange.caller is not None:
        line["tenant"] = hashlib.sha256(exchange.caller.tenant.encode()).hexdigest()[:12]
    return {name: value for name, value in line.items() if value is not None}
