"""`GET /records`: what was decided for the caller's tenant, as pages or as lines (NDJSON)."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http import record_described
from veriaidpo_gateway.http.api import exchange_of
from veriaidpo_gateway.http.record_bodies import RecordQuery, shape
from veriaidpo_gateway.http.streaming import MEDIA_TYPE
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.records.reading import RecordReader, place_of
from veriaidpo_gateway.records.rows import Row

Detail = Callable[[GatewayError], Mapping[str, Any]]


def router(deps: Deps, reader: RecordReader | None, detail: Detail) -> APIRouter:
    """Make the route, without a base; without a reader it says that nothing is recorded."""
    routes = APIRouter(tags=["records"])

    async def enter(request: Request) -> tuple[Caller, RecordReader]:
        exchange = exchange_of(request)
        caller = admit(exchange, access.AUDIT, deps)
        exchange.taken = await deps.limits.take(caller)
        if reader is None:
            raise GatewayError(ErrorCode.NO_RECORDS)
        return caller, reader

    @routes.get("/records", name="records", **record_described.PAGE)
    async def get_records(request: Request) -> Response:
        caller, records = await enter(request)
        asked = bodies.read_query(request, RecordQuery)
        if MEDIA_TYPE in request.headers.get("accept", ""):
            pages = records.pages(caller.tenant, asked.wanted())
            with available():
                first = await anext(pages)  # what is away is a 503, and not half a file
            return StreamingResponse(_lines(first, pages, detail), media_type=MEDIA_TYPE)
        with available():
            rows = await records.page(caller.tenant, asked.wanted(), limit=asked.limit, after=asked.place())
        more = place_of(rows[-1]) if len(rows) == asked.limit else None
        page = {"records": [shape(row) for row in rows], "next": None if more is None else str(more)}
        return Response(orjson.dumps(page), media_type="application/json")

    return routes


@contextmanager
def available() -> Iterator[None]:
    """Answer 503 where the records' database is away."""
    try:
        yield
    except DatabaseAwayError:
        raise GatewayError(ErrorCode.RECORDS_AWAY, headers={"Retry-After": "5"}) from None


async def _lines(first: list[Row], rest: AsyncIterator[list[Row]], detail: Detail) -> AsyncIterator[bytes]:
    """Write a record a line; where the database goes away meanwhile, a last line says so."""
    yield _written(first)
    try:
        with available():
            async for rows in rest:
                yield _written(rows)
    except GatewayError as error:
        yield orjson.dumps({"detail": detail(error), "stream_ended": True}) + b"\n"


def _written(rows: list[Row]) -> bytes:
    return b"".join(orjson.dumps(shape(row)) + b"\n" for row in rows)
