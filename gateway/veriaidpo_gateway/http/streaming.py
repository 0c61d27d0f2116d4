"""Questions and answers line by line (NDJSON): as many as there are, in order, in a bounded amount of memory.

Lines are answered in groups, a few groups at a time; nothing more is read while those are under way or their
answers wait for a slow reader. A caller therefore has to read while it writes, as `curl -T - …` does.

The last line says how many lines were read and answered. Without it a stream was cut; with fewer lines than
were sent, something on the way lost some: Go's HTTP/1.1 servers do, when an answer begins before a body ends.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.classification.batch import Entry, Group, shape
from veriaidpo_gateway.classification.classify import Deps, admit_question
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.http import ndjson, resuming
from veriaidpo_gateway.http.items import SINGLE, read_item
from veriaidpo_gateway.http.ndjson import Line
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.inference import TOGETHER

MEDIA_TYPE = "application/x-ndjson"

GROUPS_AT_ONCE = 4
"""Groups of one stream under way or waiting to be written: with TOGETHER lines each, what it may hold."""

IDLE_SECONDS = 30.0
"""How long a caller may send nothing, or read nothing, before the stream is ended."""

LOOKED_AT_EVERY = 1.0
"""Seconds between two looks at the token: a stream outlives neither it nor its revocation."""

MOMENT = 0.01
"""Seconds between a body's end and the answer's beginning: Go's proxies cut one that is earlier."""

LINGER_SECONDS = 1.0
"""How long what still arrives is taken after the last line, so that the caller gets to read that line."""

Detail = Callable[[GatewayError], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream ends here, before the caller's end of it."""

    error: GatewayError


Turn = asyncio.Task[bytes] | Ended | None
"""A group's answers to come, or the end: None when the caller came to an end."""


class StreamedAnswers(Response):
    """Reads questions from the body and writes answers as they come. The caller was let in before."""

    def __init__(
        self,
        request: Request,
        exchange: Exchange,
        deps: Deps,
        detail: Detail,
        *,
        resume_after: str | None = None,
    ) -> None:
        # A stream that ends early leaves a body behind: the connection cannot be used again.
        super().__init__(media_type=MEDIA_TYPE, headers={"Connection": "close", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._request, self._exchange, self._deps, self._detail = request, exchange, deps, detail
        self._resume_after = resume_after
        self._room = asyncio.Semaphore(GROUPS_AT_ONCE)
        self._turns: asyncio.Queue[Turn] = asyncio.Queue()
        self._all_read = False
        self._lines_read = self._answers = 0
        self._looked_at = time.monotonic()
        self._counted = 1  # the request itself took a place in the limits, for its first line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer until either side comes to an end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(tasks))
                await self._write(send)
        except* TimeoutError:
            # The caller reads nothing. Left unfinished: the server cuts the connection.
            self._exchange.code = ErrorCode.BODY_TIMEOUT.value
        except* ClientDisconnect:
            pass  # nobody is left to answer, and what was under way has been given up

    async def _write(self, send: Send) -> None:
        begun = False
        while True:
            turn = await self._turns.get()
            data = await turn if isinstance(turn, asyncio.Task) else self._last(turn)
            if not begun:
                if self._all_read:
                    await asyncio.sleep(MOMENT)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                begun = True
            async with asyncio.timeout(IDLE_SECONDS):
                await send({"type": "http.response.body", "body": data, "more_body": True})
            self._room.release()
            if not isinstance(turn, asyncio.Task):
                break
        if isinstance(turn, Ended):
            await self._linger()
        await send({"type": "http.response.body", "body": b""})

    def _last(self, ended: Ended | None) -> bytes:
        counted = {"lines": self._lines_read, "answers": self._answers}
        end = {"request_id": self._exchange.request_id, "stream_ended": True, "complete": ended is None}
        if ended is None:
            return _line(end | counted)
        self._exchange.code = ended.error.code.value
        return _line({"detail": self._detail(ended.error), **end, **counted})

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        end: Ended | None = None
        try:
            async for lines in self._lines():
                await self._room.acquire()
                self._turns.put_nowait(tasks.create_task(self._answer(self._caller(), lines)))
        except GatewayError as error:
            end = Ended(error)
        self._all_read = True
        self._turns.put_nowait(end)

    def _lines(self) -> AsyncIterator[list[Line]]:
        lines = self._counted_lines()
        if self._resume_after is None:
            return lines
        return resuming.after(lines, self._resume_after, self._caller)

    async def _counted_lines(self) -> AsyncIterator[list[Line]]:
        async for lines in ndjson.groups(self._pieces(), TOGETHER):
            self._lines_read += len(lines)
            yield lines

    async def _pieces(self) -> AsyncIterator[bytes]:
        pieces = self._request.stream()
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise GatewayError(ErrorCode.BODY_TIMEOUT) from None
            yield piece

    def _caller(self) -> Caller:
        """Look at the token again from time to time: 401 once it has ended or was revoked.

        And 503 while answers could not be recorded.
        """
        now, caller = time.monotonic(), self._exchange.caller
        if caller is None or now - self._looked_at >= LOOKED_AT_EVERY:
            caller = admit_question(self._exchange, self._deps)
            self._looked_at = now
        return caller

    async def _answer(self, caller: Caller, lines: list[Line]) -> bytes:
        entries = [_entry(line) for line in lines]
        counted, self._counted = self._counted, 0
        group = Group(self._exchange, caller, self._deps, started=time.monotonic())
        outcomes = await group.answer(entries, counted=counted)
        self._answers += len(outcomes)
        return b"".join(_line(shape(*pair, self._detail)) for pair in zip(entries, outcomes, strict=True))

    async def _linger(self) -> None:
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await self._request.receive())["type"] == "http.request":
                    pass


def _entry(line: Line) -> Entry:
    if line.data is None:
        details = {"max_bytes": ndjson.LONGEST_LINE}
        return Entry(GatewayError(ErrorCode.LINE_TOO_LONG, details), line=line.number)
    try:
        raw = strict_json.loads(line.data)
    except ValueError:
        fields = [{"field": None, "problem": "must be JSON", "problem_vi": "phải là JSON"}]
        return Entry(GatewayError(ErrorCode.INVALID_REQUEST, {"fields": fields}), line=line.number)
    return read_item(raw, SINGLE, line=line.number)


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
