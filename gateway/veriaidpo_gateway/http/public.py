"""The public application: its routes under every base, and every error given its answer."""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from veriaidpo_gateway.classification.classify import Deps
from veriaidpo_gateway.errors import ErrorCode, GatewayError, Messages
from veriaidpo_gateway.http import api, batching, docs, normalising, preloading
from veriaidpo_gateway.http.dispatch import Dispatch, direct
from veriaidpo_gateway.http.health import Parts

_OF_STATUS = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}


def public_app(deps: Deps, parts: Parts, messages: Messages, *further: APIRouter) -> ASGIApp:
    """Put all public routes under each base, `further` ones too; what goes wrong is said in one shape."""
    app = FastAPI(title="VeriAIDPO", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    own = (
        api.router(deps, parts),
        batching.router(deps, messages),
        normalising.router(deps),
        preloading.router(deps),
        *further,
    )
    pages = docs.router()
    for base in api.BASES:
        for routes in own:
            app.include_router(routes, prefix=base, include_in_schema=base == "")
        app.include_router(pages, prefix=base)

    def methods_of(path: str) -> str:
        endings = [path.removeprefix(base) for base in api.BASES if path.startswith(base)]
        found = [
            route.methods or ()
            for part in (*own, pages)
            for route in part.routes
            if isinstance(route, Route) and any(map(route.path_regex.match, endings))
        ]
        return ", ".join(sorted(set().union(*found)))

    async def refuse(request: Request, error: Exception) -> JSONResponse:
        return _refusal(request, error, messages, methods_of)

    app.add_exception_handler(GatewayError, refuse)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(Exception, refuse)  # the edge logs it
    return Dispatch(app, direct(own, api.BASES), refuse)


def _refusal(
    request: Request, error: Exception, messages: Messages, methods_of: Callable[[str], str]
) -> JSONResponse:
    if isinstance(error, HTTPException):
        code = _OF_STATUS.get(error.status_code, ErrorCode.INVALID_REQUEST)
        # Each method is a route of its own, and the framework names the methods of the first one only.
        allow = {"Allow": methods_of(request.url.path)} if code is ErrorCode.METHOD_NOT_ALLOWED else {}
        error = GatewayError(code, headers={**(error.headers or {}), **allow})
    if not isinstance(error, GatewayError):
        error = GatewayError(ErrorCode.INTERNAL)
    exchange = api.exchange_of(request)
    exchange.code = error.code.value
    return JSONResponse(
        messages.body(error, exchange.request_id), status_code=error.status, headers=error.headers
    )
