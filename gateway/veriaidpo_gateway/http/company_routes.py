"""The registry of companies over HTTP: looked through, changed one by one, and exchanged as CSV.

One registry for the whole installation: a company has the same name whoever writes of it, and one tenant's
change is every tenant's. Who may write there is therefore an administrator.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.companies.rows import Entry, Filter
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http import company_csv, company_csv_described, company_described
from veriaidpo_gateway.http.api import exchange_of
from veriaidpo_gateway.http.company_bodies import (
    CompanyAnswer,
    CompanyBody,
    CompanyPage,
    CompanyQuery,
    ImportAnswer,
    LineError,
    answer_of,
)
from veriaidpo_gateway.identity import access

MOST_BYTES = 4 * 1024 * 1024
READ_SECONDS = 20.0
MOST_ERRORS = 1000
CSV = "text/csv"

_ID = re.compile(r"[0-9a-f]{32}")
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"', re.ASCII)
_WRITTEN_TOGETHER = 500


def router(deps: Deps, store: CompanyStore) -> APIRouter:
    """Make the routes, without a base."""
    routes = APIRouter(tags=["companies"])

    async def enter(request: Request, permission: str) -> None:
        exchange = exchange_of(request)
        exchange.taken = await deps.limits.take(admit(exchange, permission, deps))

    @routes.get("/companies", name="companies", **company_described.PAGE)
    async def get_companies(request: Request) -> Response:
        await enter(request, access.READ_COMPANIES)
        asked = bodies.read_query(request, CompanyQuery)
        wanted = Filter(asked.q, asked.industry, asked.region, asked.origin)
        with _available():
            entries, total = await store.search(wanted, limit=asked.limit, offset=asked.offset)
        page = CompanyPage(
            companies=[answer_of(entry) for entry in entries],
            total=total,
            limit=asked.limit,
            offset=asked.offset,
        )
        return Response(page.model_dump_json(), media_type="application/json")

    @routes.get("/companies/{company_id}", name="company", **company_described.ONE)
    async def get_company(request: Request) -> Response:
        await enter(request, access.READ_COMPANIES)
        with _available():
            return _answer(await store.get(_wanted(request)))

    @routes.post("/companies", name="add-company", **company_described.ADD)
    async def post_company(request: Request) -> Response:
        await enter(request, access.WRITE_COMPANIES)
        wanted = await bodies.read(request, CompanyBody)
        with _available():
            entry = await store.add(wanted.company())
        return _answer(entry, 201, {"Location": f"{request.url.path}/{entry.id}"})

    @routes.put("/companies/{company_id}", name="change-company", **company_described.CHANGE)
    async def put_company(request: Request) -> Response:
        await enter(request, access.WRITE_COMPANIES)
        version = _version(request)
        wanted = await bodies.read(request, CompanyBody)
        with _available():
            return _answer(await store.change(_wanted(request), wanted.company(), version))

    @routes.delete("/companies/{company_id}", name="remove-company", **company_described.REMOVE)
    async def delete_company(request: Request) -> Response:
        await enter(request, access.WRITE_COMPANIES)
        version = _version(request)
        with _available():
            await store.remove(_wanted(request), version)
        return Response(status_code=204)

    @routes.get("/companies.csv", name="export-companies", **company_csv_described.EXPORT)
    async def export(request: Request) -> Response:
        await enter(request, access.READ_COMPANIES)
        parts = _written(store)
        with _available():
            first = await anext(parts)  # what is away is a 503, and not half a file
        headers = {"Content-Disposition": 'attachment; filename="companies.csv"'}
        return StreamingResponse(_joined(first, parts), media_type=CSV, headers=headers)

    @routes.post("/companies.csv", name="import-companies", **company_csv_described.IMPORT)
    async def take(request: Request) -> Response:
        await enter(request, access.WRITE_COMPANIES)
        data = await bodies.read_bytes(request, CSV, most=MOST_BYTES, seconds=READ_SECONDS)
        # Beside the event loop: a large file takes a second.
        file = await asyncio.to_thread(company_csv.read, data)
        with _available():
            done = await store.take(file.companies, file.columns)
        answer = ImportAnswer(
            added=done.added,
            changed=done.changed,
            unchanged=done.unchanged,
            failed=len(file.bad),
            errors=[LineError(line=one.line, fields=one.fields) for one in file.bad[:MOST_ERRORS]],
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    return routes


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except DatabaseAwayError:
        raise GatewayError(ErrorCode.COMPANIES_AWAY, headers={"Retry-After": "5"}) from None


def _wanted(request: Request) -> str:
    company_id: str = request.path_params["company_id"]
    if _ID.fullmatch(company_id) is None:
        raise GatewayError(ErrorCode.NO_SUCH_COMPANY)
    return company_id


def _version(request: Request) -> int | None:
    """Which version is to be replaced; None for any. 428 without a word about it, 412 for what no ETag is."""
    said = request.headers.get("if-match", "").strip()
    if not said:
        raise GatewayError(ErrorCode.IF_MATCH_REQUIRED)
    if said == "*":
        return None
    match = _ETAG.fullmatch(said)
    if match is None:
        raise GatewayError(ErrorCode.COMPANY_CHANGED)
    return int(match[1])


def _answer(entry: Entry, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    answer: CompanyAnswer = answer_of(entry)
    tagged = {"ETag": f'"{entry.version}"', **(headers or {})}
    return Response(answer.model_dump_json(), status, tagged, "application/json")


async def _written(store: CompanyStore) -> AsyncIterator[str]:
    """Write the registry, many lines at a time; the first part is the header."""
    some: list[Entry] = []
    header = True
    async for entry in store.everything():
        some.append(entry)
        if len(some) == _WRITTEN_TOGETHER:
            yield company_csv.write(some, header=header)
            some, header = [], False
    if some or header:
        yield company_csv.write(some, header=header)


async def _joined(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for part in rest:
        yield part
