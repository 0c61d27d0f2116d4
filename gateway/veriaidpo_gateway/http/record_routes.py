"""`GET /records`: what was decided for the caller's tenant; `DELETE /tenants/{id}/data`: an end of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.classification.forgetting import Forgotten
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http import record_described
from veriaidpo_gateway.http.api import exchange_of
from veriaidpo_gateway.http.record_bodies import Erasure, ErasureQuery, RecordQuery, shape, time_of
from veriaidpo_gateway.http.record_streaming import StreamedRecords, available
from veriaidpo_gateway.http.streaming import MEDIA_TYPE
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.records.opening import Records

Detail = Callable[[GatewayError], Mapping[str, Any]]


def router(deps: Deps, records: Records | Forgotten, detail: Detail) -> APIRouter:
    """Make the routes, without a base; where nothing is recorded, only cached results can be erased."""
    routes = APIRouter(tags=["records"])

    async def enter(request: Request, permission: str) -> Caller:
        exchange = exchange_of(request)
        caller = admit(exchange, permission, deps)
        exchange.taken = await deps.limits.take(caller)
        return caller

    @routes.get("/records", name="records", **record_described.PAGE)
    async def get_records(request: Request) -> Response:
        caller = await enter(request, access.AUDIT)
        if isinstance(records, Forgotten):
            raise GatewayError(ErrorCode.NO_RECORDS)
        asked = bodies.read_query(request, RecordQuery)
        wanted = asked.wanted(lambda name: deps.routes().type_of(name))
        if MEDIA_TYPE in request.headers.get("accept", ""):
            exchange, pages = exchange_of(request), records.reader.pages(caller.tenant, wanted)
            look = partial(admit, exchange, access.AUDIT, deps)
            return await StreamedRecords(exchange, pages, look=look, detail=detail).begun()
        with available():
            rows, more = await records.reader.page(
                caller.tenant, wanted, limit=asked.limit, after=asked.place()
            )
        page = {"records": [shape(row) for row in rows], "next": None if more is None else str(more)}
        return Response(orjson.dumps(page), media_type="application/json")

    @routes.delete("/tenants/{tenant_id}/data", name="erase-tenant", **record_described.ERASE)
    async def delete_data(request: Request) -> Response:
        caller = await enter(request, access.ADMINISTER)
        if request.path_params["tenant_id"] != caller.tenant:
            raise GatewayError(ErrorCode.OTHER_TENANT)
        subject = bodies.read_query(request, ErasureQuery).subject
        answer = await _erased(caller.tenant, subject, records)
        status = 200 if answer.complete else 202
        return Response(answer.model_dump_json(), status, media_type="application/json")

    return routes


async def _erased(tenant: str, subject: str | None, records: Records | Forgotten) -> Erasure:
    if isinstance(records, Forgotten):
        if subject is not None:
            raise GatewayError(ErrorCode.NO_RECORDS)
        before, everywhere = await records.forget(tenant)
        return Erasure(
            tenant=tenant, before=time_of(before), recorded=False, records=0, receipts=[], complete=everywhere
        )
    with available():
        erased = await records.sweeper.erase(tenant, subject)
    return Erasure(
        tenant=tenant,
        subject=subject,
        before=time_of(erased.before),
        recorded=True,
        records=erased.rows,
        receipts=erased.receipts,
        complete=erased.complete,
    )
