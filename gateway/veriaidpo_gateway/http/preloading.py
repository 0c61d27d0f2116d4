"""`POST /preload-model`: an administrator sends one model a call, so that the next caller does not wait."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from veriaidpo_gateway.classification import bodies, classify
from veriaidpo_gateway.classification.bodies import Body
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.exchange import SCOPE_KEY, Exchange
from veriaidpo_gateway.http import openapi, responses
from veriaidpo_gateway.identity import access

SENTENCE = "Chúng tôi thu thập dữ liệu cá nhân khi có sự đồng ý."
"""What a model is asked; its answer is kept nowhere."""


class Preload(Body):
    """The model to warm up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model_type": "principles", "language": "vi"}]}
    )

    model_type: Annotated[str, Field(max_length=64, description="A model type or one of its aliases")]
    language: Annotated[str, Field(max_length=64, description="vi or en")] = "vi"


class Preloaded(BaseModel):
    """The model answered."""

    model_config = ConfigDict(protected_namespaces=())

    model: Annotated[str, Field(description="The name of its resource")]
    model_type: Annotated[str, Field(description="As it was asked for")]
    language: str
    state: Annotated[str, Field(description="ready, or updating while a newer revision is on its way")]
    model_revision: Annotated[str, Field(description="The digest of the revision that answered")]
    warm_up_ms: float


_EXAMPLE: dict[str, Any] = {
    "model": "principles-vi",
    "model_type": "principles",
    "language": "vi",
    "state": "ready",
    "model_revision": responses.DIGEST,
    "warm_up_ms": 14.2,
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Preloaded,
        "description": "The model was called and answered",
        "content": {"application/json": {"example": _EXAMPLE}},
    },
    **{status: responses.CLASSIFY_RESPONSES[status] for status in (400, 401, 408, 413, 415, 422)},
    403: openapi.forbidden(access.ADMINISTER, "dpo", access.of_role("dpo")),
    **{status: responses.CLASSIFY_RESPONSES[status] for status in (429, 503, 504)},
}


def router(deps: Deps) -> APIRouter:
    """Make the route, without a base."""
    routes = APIRouter(tags=["service"])

    @routes.post(
        "/preload-model",
        name="preload-model",
        summary="Warm one model up",
        status_code=202,
        response_model=Preloaded,
        responses=_RESPONSES,
        openapi_extra=openapi.body(Preload, None),
    )
    async def preload_model(request: Request) -> Response:
        exchange: Exchange = request.scope[SCOPE_KEY]
        caller = admit(exchange, access.ADMINISTER, deps)
        exchange.taken = await deps.limits.take(caller)
        wanted = await bodies.read(request, Preload)
        model = deps.routes().find(wanted.model_type, wanted.language)
        exchange.model = model.name
        asked_at = time.monotonic()
        (inference,) = await classify.infer(
            model, [SENTENCE], deps, request_id=exchange.request_id, started=exchange.started
        )
        exchange.revision = inference.revision
        answer = Preloaded(
            model=model.name,
            model_type=wanted.model_type,
            language=wanted.language,
            state=model.state,
            model_revision=inference.revision,
            warm_up_ms=round((time.monotonic() - asked_at) * 1000, 2),
        )
        return Response(answer.model_dump_json(), status_code=202, media_type="application/json")

    return routes
