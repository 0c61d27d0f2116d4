"""`POST /revocations`: an administrator takes a token of their own tenant back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.bodies import Body
from veriaidpo_gateway.classification.classify import Deps, admit
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http import openapi, revoking_described
from veriaidpo_gateway.http.api import exchange_of
from veriaidpo_gateway.http.revoking_described import Revoked
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.revocations import Revocations


class Revocation(Body):
    """The token to revoke."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"jti": "3f1c9a52-6a57-4c0e-9d6b-2a41f0c8e7d1", "exp": 1795420800}]}
    )

    jti: Annotated[str, Field(min_length=1, max_length=256, description="The token's own `jti`")]
    exp: Annotated[
        int | None,
        Field(
            description="The token's own `exp`, seconds since 1970; without it, as long as a token may last"
        ),
    ] = None


def router(deps: Deps, revocations: Revocations, clock: Callable[[], float]) -> APIRouter:
    """Make the route, without a base."""
    routes = APIRouter()

    @routes.post(
        "/revocations",
        name="revocations",
        summary="Revoke a token of one's own tenant",
        tags=["service"],
        response_model=Revoked,
        responses=revoking_described.REVOCATION_RESPONSES,
        openapi_extra=openapi.body(Revocation, None),
    )
    async def post(request: Request) -> Response:
        exchange = exchange_of(request)
        caller = admit(exchange, access.ADMINISTER, deps)
        exchange.taken = await deps.limits.take(caller)
        wanted = await bodies.read(request, Revocation)
        exp = _end(wanted, clock(), revocations.longest)
        shared = await revocations.revoke(caller.tenant, wanted.jti, exp)
        until = datetime.fromtimestamp(exp, UTC).isoformat().replace("+00:00", "Z")
        answer = Revoked(jti=wanted.jti, revoked_until=until, shared=shared)
        return Response(
            answer.model_dump_json(), status_code=200 if shared else 202, media_type="application/json"
        )

    return routes


def _end(wanted: Revocation, now: float, longest: int) -> int:
    """When the token ends; a time that no token can have is more likely in milliseconds than meant."""
    latest = int(now) + longest
    if wanted.exp is None:
        return latest
    if now < wanted.exp <= latest:
        return wanted.exp
    problem = {
        "field": "exp",
        "problem": f"must be a time within the next {longest} seconds, in seconds since 1970",
        "problem_vi": f"phải là thời điểm trong vòng {longest} giây tới, tính bằng giây từ năm 1970",
    }
    raise GatewayError(ErrorCode.INVALID_REQUEST, {"fields": [problem]})
