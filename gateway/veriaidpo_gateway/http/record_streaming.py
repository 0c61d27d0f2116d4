"""All of a tenant's records as lines (NDJSON), page by page, while the caller reads and may read them.

The last line says how many records came before it, and whether these were all: without it the stream was cut.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.http import streaming
from veriaidpo_gateway.http.record_bodies import shape
from veriaidpo_gateway.records.rows import Row


class StreamedRecords(Response):
    """Writes pages as they are read. `look` is asked from time to time whether the caller still may."""

    def __init__(
        self,
        exchange: Exchange,
        pages: AsyncIterator[list[Row]],
        *,
        look: Callable[[], object],
        detail: Callable[[GatewayError], Mapping[str, Any]],
    ) -> None:
        super().__init__(media_type=streaming.MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._exchange, self._pages, self._look, self._detail = exchange, pages, look, detail
        self._first: list[Row] = []
        self._records = 0

    async def begun(self) -> "StreamedRecords":
        """Read the first page: what is away is a 503, and not half a file."""
        with available():
            self._first = await anext(self._pages)
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Write until all is written, or the caller reads no more."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for data in self._parts():
                async with asyncio.timeout(streaming.IDLE_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            # Left unfinished: the server cuts the connection.
            self._exchange.code = ErrorCode.BODY_TIMEOUT.value
            return
        await send({"type": "http.response.body", "body": b""})

    async def _parts(self) -> AsyncIterator[bytes]:
        looked_at = time.monotonic()
        yield self._written(self._first)
        try:
            with available():
                async for rows in self._pages:
                    if time.monotonic() - looked_at >= streaming.LOOKED_AT_EVERY:
                        self._look()
                        looked_at = time.monotonic()
                    yield self._written(rows)
        except GatewayError as error:
            self._exchange.code = error.code.value
            yield self._last(complete=False, detail=self._detail(error))
        else:
            yield self._last(complete=True)

    def _written(self, rows: list[Row]) -> bytes:
        self._records += len(rows)
        return b"".join(orjson.dumps(shape(row)) + b"\n" for row in rows)

    def _last(self, *, complete: bool, **further: object) -> bytes:
        said = {"request_id": self._exchange.request_id, "stream_ended": True, "complete": complete}
        return orjson.dumps({**further, **said, "records": self._records}) + b"\n"


@contextmanager
def available() -> Iterator[None]:
    """Answer 503 where the records' database is away."""
    try:
        yield
    except DatabaseAwayError:
        raise GatewayError(ErrorCode.RECORDS_AWAY, headers={"Retry-After": "5"}) from None
