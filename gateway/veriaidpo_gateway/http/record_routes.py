"""`GET /records`: what was decided for the caller's tenant; `DELETE /tenants/{id}/data`: an end of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http import record_described
from veriaidpo_gateway.http.api import exchange_of
from veriaidpo_gateway.http.record_bodies import Erasure, RecordQuery, shape, time_of
from veriaidpo_gateway.http.record_streaming import StreamedRecords, available
from veriaidpo_gateway.http.streaming import MEDIA_TYPE
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.records.opening import Records
from veriaidpo_gateway.records.reading import place_of

Detail = Callable[[GatewayError], Mapping[str, Any]]


def router(deps: Deps, records: Records | None, detail: Detail) -> APIRouter:
    """Make the routes, without a base; without records they say that nothing is recorded."""
    routes = APIRouter(tags=["records"])

    async def enter(request: Request, permission: str) -> tuple[Caller, Records]:
        exchange = exchange_of(request)
        caller = admit(exchange, permission, deps)
        exchange.taken = await deps.limits.take(caller)
        if records is None:
            raise GatewayError(ErrorCode.NO_RECORDS)
        return caller, records

    @routes.get("/records", name="records", **record_described.PAGE)
    async def get_records(request: Request) -> Response:
        caller, there = await enter(request, access.AUDIT)
        asked = bodies.read_query(request, RecordQuery)
        if MEDIA_TYPE in request.headers.get("accept", ""):
            exchange, pages = exchange_of(request), there.reader.pages(caller.tenant, asked.wanted())
            look = partial(admit, exchange, access.AUDIT, deps)
            return await StreamedRecords(exchange, pages, look=look, detail=detail).begun()
        with available():
            rows = await there.reader.page(
                caller.tenant, asked.wanted(), limit=asked.limit, after=asked.place()
            )
        more = place_of(rows[-1]) if len(rows) == asked.limit else None
        page = {"records": [shape(row) for row in rows], "next": None if more is None else str(more)}
        return Response(orjson.dumps(page), media_type="application/json")

    @routes.delete("/tenants/{tenant_id}/data", name="erase-tenant", **record_described.ERASE)
    async def delete_data(request: Request) -> Response:
        caller, there = await enter(request, access.ADMINISTER)
        if request.path_params["tenant_id"] != caller.tenant:
            raise GatewayError(ErrorCode.OTHER_TENANT)
        with available():
            erased = await there.sweeper.erase(caller.tenant)
        answer = Erasure(
            tenant=caller.tenant,
            before=time_of(erased.before),
            records=erased.rows,
            receipts=erased.receipts,
            complete=erased.complete,
        )
        status = 200 if erased.complete else 202
        return Response(answer.model_dump_json(), status, media_type="application/json")

    return routes
