"""The routes: thin, each one call. Bodies are read inside, after the token, the right and the limit."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.classification.explain import Explainable, Explained, classify_explained
from veriaidpo_gateway.exchange import SCOPE_KEY, Exchange
from veriaidpo_gateway.http import explain_described, openapi, responses
from veriaidpo_gateway.http.health import Parts, health, model_status
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.normalisation import texts

BASES = ("", "/api/v1/veriaidpo", "/api/v1")
"""The same routes answer under each; the description names them once."""

FIXED_TYPES = {
    "/classify-legal-basis": ("legal_basis", "Which legal basis a sentence relies on"),
    "/classify-breach-severity": ("breach_severity", "How severe a breach is"),
    "/classify-cross-border": ("cross_border", "Which rule of cross-border transfer applies"),
}


def router(deps: Deps, parts: Parts) -> APIRouter:
    """All public routes, without a base."""
    routes = APIRouter()

    def classifier(path: str, summary: str, model_type: str | None = None) -> None:
        routes.add_api_route(
            path,
            _classifier(deps, model_type),
            methods=["POST"],
            name=path.strip("/"),
            summary=summary,
            response_model=Explained,
            description=explain_described.DESCRIPTION,
            responses=explain_described.RESPONSES,
            openapi_extra=explain_described.request(model_type),
            tags=["classification"],
        )

    classifier("/classify", "Classify a sentence")
    for path, (model_type, summary) in FIXED_TYPES.items():
        classifier(path, summary, model_type)

    @routes.get(
        "/health", name="health", summary="How the service is", tags=["service"], responses=responses.HEALTH
    )
    async def get_health() -> Response:
        return JSONResponse(await health(parts))

    @routes.get(
        "/model-status",
        name="model-status",
        summary="The state of every model",
        tags=["service"],
        responses=responses.STATUS_RESPONSES,
        openapi_extra=openapi.SECURED,
    )
    async def get_model_status(request: Request) -> Response:
        exchange = exchange_of(request)
        caller = admit(exchange, access.STATUS, deps)
        exchange.taken = await deps.limits.take(caller)
        models = [model_status(model, deps.predictors.seen(model.name)) for model in deps.routes().models]
        return JSONResponse({"models": models, "total": len(models), "servable": _servable(models)})

    return routes


def exchange_of(request: Request) -> Exchange:
    """Find what the edge noted about this request."""
    exchange: Exchange = request.scope[SCOPE_KEY]
    return exchange


def _classifier(deps: Deps, model_type: str | None) -> Callable[[Request], Awaitable[Response]]:
    async def post(request: Request) -> Response:
        answer = await classify_explained(
            exchange_of(request), lambda: _read(request), deps, model_type=model_type
        )
        return Response(orjson.dumps(answer), media_type="application/json")

    return post


async def _read(request: Request) -> Explainable:
    """Read the body; `explain` may stand in the address as well."""
    question = await bodies.read(request, Explainable)
    asked = request.query_params.getlist("explain") if request.scope["query_string"] else []
    if asked not in ([], ["true"], ["false"]):
        raise texts.invalid("explain", "must be true or false", "phải là true hoặc false")
    return question.model_copy(update={"explain": True}) if asked == ["true"] else question


def _servable(models: list[dict[str, Any]]) -> int:
    return sum(bool(model["servable"]) for model in models)
