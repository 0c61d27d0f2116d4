"""The API's description for people, at /docs: all from this process, so it works without the internet."""

from collections.abc import Awaitable, Callable
from importlib import resources

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from veriaidpo_gateway.http import openapi

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
_PAGE = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>VeriAIDPO</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body>
</html>"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});'
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def router() -> APIRouter:
    """Make the routes of the description, none of which describes itself."""
    routes = APIRouter(include_in_schema=False)
    files = {
        name: (resources.files("fastapi_offline") / "static" / name).read_bytes() for name in _ASSETS
    } | {"start.js": _START.encode()}
    types = {**_ASSETS, "start.js": "text/javascript; charset=utf-8"}

    @routes.get("/openapi.json", name="openapi")
    async def document(request: Request) -> Response:
        return JSONResponse(openapi.describe(request.app))

    @routes.get("/docs", name="docs")
    async def page() -> Response:
        return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    for name, content in files.items():
        routes.add_api_route(f"/docs/{name}", _file(content, types[name]), methods=["GET"], name="docs")
    return routes


def _file(content: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def get() -> Response:
        return Response(content, media_type=media_type)

    return get
