"""What stands before kserve's routes: who may use which path, and how large a body may be.

Pure ASGI. It also catches what the routes raise: kserve and its framework would put the exception's text,
and with it a caller's, into the answer and the log, and close the connection.
"""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from veriaidpo_predictor import tracing
from veriaidpo_predictor.serving import metrics, paths, refusals
from veriaidpo_predictor.serving.leaving import while_there
from veriaidpo_predictor.serving.paths import Route
from veriaidpo_predictor.serving.refusals import Refusal, RefusedError
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.serving.tokens import Trust
from veriaidpo_predictor.tracing import Tracer

log = logging.getLogger("veriaidpo.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 4 << 20
MAX_HEADER_BYTES = 16 << 10
BODY_SECONDS = 10.0

ANSWER = "veriaidpo.answer"
"""Key of the scope: whoever refuses behind the guard notes the Refusal there, as its `refusal`."""

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,128}$")
# kserve reads these as cloud events and as its binary form of a body; neither is part of our wire.
_DROPPED = re.compile(rb"^(ce-.*|inference-header-content-length|content-type)$")


class Guard:
    """`trust` is None where no token is asked for."""

    def __init__(self, app: App, *, registry: Registry, trust: Trust | None, tracer: Tracer) -> None:
        self._app = app
        self._registry = registry
        self._trust = trust
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        headers = _headers(scope)
        answer = scope[ANSWER] = _Answer(send, headers.get("x-request-id", ""))
        route = paths.route(scope["path"])
        try:
            self._admit(scope, route)
            if route is not None and route.asks:
                # Whoever may ask is believed about the trace it is a part of; nobody else begins one.
                with self._tracer.request(route.model or "", headers):
                    await self._ask(scope, receive, answer, headers)
            else:
                await self._app(scope, receive, answer)
        except RefusedError as refused:
            await answer.refuse(refused.refusal)
        except Exception as error:  # noqa: BLE001  nothing of it may reach the caller, nor its text the log
            _log(error, route)
            await answer.refuse(refusals.FAILED)
        if route is not None and route.asks:
            self._count(route.model or "", answer, time.monotonic() - started)

    async def _ask(self, scope: Scope, receive: Receive, answer: "_Answer", headers: dict[str, str]) -> None:
        scope["headers"] = [
            *((key, value) for key, value in scope["headers"] if not _DROPPED.match(key)),
            (b"content-type", b"application/json"),
        ]
        work = self._app(scope, _replay(await _body(receive, headers)), answer)
        await while_there(work, receive, lambda: answer.is_over)
        tracing.note(status=answer.status)

    def _count(self, name: str, answer: "_Answer", seconds: float) -> None:
        known = self._registry.get(name) is not None
        if known:
            metrics.answered(name, answer.status, seconds)
        if answer.refusal is not None:
            metrics.refused(name if known else "", answer.refusal.cause)

    def _admit(self, scope: Scope, route: Route | None) -> None:
        """Raise RefusedError at the first that is wrong of path, method, headers, token and model."""
        if route is None:
            raise RefusedError(refusals.UNKNOWN_PATH)
        if scope["method"] != route.method:
            raise RefusedError(refusals.WRONG_METHOD)
        if sum(len(key) + len(value) for key, value in scope["headers"]) > MAX_HEADER_BYTES:
            raise RefusedError(refusals.BAD_INPUT)
        if not route.is_open and self._trust is not None:
            audiences = [route.model] if route.model else [model.name for model in self._registry]
            if not self._trust.allows(_bearer(scope), audiences):
                raise RefusedError(refusals.UNAUTHORISED)
        if route.model is not None:
            model = self._registry.get(route.model)
            if model is None:
                raise RefusedError(refusals.UNKNOWN_MODEL)
            if model.reason and (route.asks or route.is_open):
                raise RefusedError(refusals.not_ready(model.reason))
        if route.is_open and route.model is not None and self._registry.draining:
            raise RefusedError(refusals.not_ready(self._registry.reason or ""))


class _Answer:
    """Sends what the application sends, with the request's id; remembers the status, and how far it is."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._id = request_id if _REQUEST_ID.match(request_id) else ""
        self.status = 0
        self.is_over = False
        self.refusal: Refusal | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._id:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._id.encode())]
        else:
            self.is_over = not message.get("more_body", False)
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        if self.status:  # the answer has begun: it can only be broken off, which the server does
            return
        fields = {
            "content-type": "application/json",
            "content-length": str(len(refusal.body)),
            **refusal.headers,
        }
        encoded = [(key.encode(), value.encode()) for key, value in fields.items()]
        await self({"type": "http.response.start", "status": refusal.status, "headers": encoded})
        await self._send({"type": "http.response.body", "body": refusal.body})


def _headers(scope: Scope) -> dict[str, str]:
    return {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}


def _bearer(scope: Scope) -> str:
    """Give the token of the only Authorization header; empty when there is none, or more than one."""
    found = [value for key, value in scope["headers"] if key == b"authorization"]
    if len(found) != 1:
        return ""
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def _body(receive: Receive, headers: dict[str, str]) -> bytes:
    """Read a body of bounded size in bounded time; raises RefusedError."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise RefusedError(refusals.TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(refusals.TOO_SLOW)
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise RefusedError(refusals.TOO_LARGE)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise RefusedError(refusals.TOO_SLOW) from None


def _replay(body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


def _log(error: Exception, route: Route | None) -> None:
    """Say what was raised and where, not what it says: the text may be a caller's."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    log.error(
        "request failed", extra={"type": type(error).__name__, "where": where, "model": route and route.model}
    )
