"""Whether it lives, whether it may be asked, how its parts are, and what became of every model."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from veriaidpo_gateway import __version__
from veriaidpo_gateway.companies.registry import CompanyRegistry
from veriaidpo_gateway.metrics import Metrics
from veriaidpo_gateway.models.predictor import Seen
from veriaidpo_gateway.models.routes import Model, Routes
from veriaidpo_gateway.models.sources import Source
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.redis.store import Store

SERVICE = "VeriAIDPO Classification Service"
DEADLINE = 5.0

Status = Literal["healthy", "degraded", "unhealthy"]
_RANK: dict[Status, int] = {"healthy": 0, "degraded": 1, "unhealthy": 2}


@dataclass(frozen=True, slots=True)
class Parts:
    """What health is asked about."""

    source: Source
    store: Store | None
    companies: CompanyRegistry
    keys: Callable[[], dict[str, str]]
    recorder: Recorder | None = None


async def health(parts: Parts) -> dict[str, Any]:
    """How the parts are: always an answer, never a secret, an address or a name from outside."""
    components: dict[str, dict[str, Any]] = {
        "company_registry": parts.companies.health(),
        "text_normalizer": {"status": "healthy", "version": parts.companies.version},
        "model_types": _model_types(parts.source.current()),
        "model_watch": {
            "status": "healthy" if parts.source.connected else "degraded",
            "kind": parts.source.kind,
        },
        "cache": await _cache(parts.store),
        "token_keys": parts.keys(),
    }
    if parts.recorder is not None:
        components["records"] = parts.recorder.health()
    worst = max((part["status"] for part in components.values()), key=lambda status: _RANK[status])
    return {"status": worst, "service": SERVICE, "version": __version__, "components": components}


def _model_types(routes: Routes | None) -> dict[str, Any]:
    if routes is None:
        return {"status": "unhealthy", "available": [], "servable": []}
    servable = sorted({model.model_type for model in routes.models if model.servable})
    away = any(model.wanted and not model.servable for model in routes.models)
    status: Status = "degraded" if away else "healthy"
    if not servable:
        status = "unhealthy"
    return {"status": status, "available": list(routes.types), "servable": servable}


async def _cache(store: Store | None) -> dict[str, Any]:
    """Ask Redis. A cache that is away costs time and no answers: degraded at worst."""
    if store is None:
        return {"status": "healthy", "kind": "embedded"}
    try:
        async with asyncio.timeout(1.0):
            answers = await store.answers()
    except TimeoutError:
        answers = False
    return {"status": "healthy" if answers else "degraded", "kind": "redis"}


def model_status(model: Model, seen: Seen) -> dict[str, Any]:
    """Tell what became of one model, as its resource says and as this replica saw it."""
    ready, failure = model.condition("Ready"), model.last_failure or {}
    return {
        "name": model.name,
        "model_type": model.model_type,
        "aliases": list(model.aliases),
        "language": model.language,
        "task": model.task,
        "state": model.state,
        "servable": model.servable,
        "ready": ready.status == "True",
        "reason": ready.reason or None,
        "message": ready.message or None,
        "model_revision": model.current_revision or None,
        "target_revision": model.target_revision or None,
        "source_commit": model.commit or None,
        "progress": model.progress() or None,
        "replicas": model.ready_replicas,
        "labels": [{"id": label.id, "en": label.en, "vi": label.vi} for label in model.labels],
        "last_failure": {name: failure.get(name) for name in ("reason", "message", "time")}
        if failure
        else None,
        "last_error": seen.last_error,
        "last_error_at": _time(seen.last_error_at),
        "latency_ms": None if seen.latency is None else round(seen.latency * 1000, 2),
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def inner_app(parts: Parts, metrics: Metrics, draining: Callable[[], bool]) -> Starlette:
    """Make the application of the inner port: for the kubelet and Prometheus, never for the ingress."""
    source, store, companies, recorder = parts.source, parts.store, parts.companies, parts.recorder

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        # Redis, the database or a predictor being away is no reason to take the gateway out: it answers
        # without them.
        ready = source.current() is not None and not draining()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def prometheus(_: Request) -> Response:
        routes = source.current()
        models = routes.models if routes else ()
        metrics.models_known.set(len(models))
        metrics.models_away.set(sum(model.wanted and not model.servable for model in models))
        metrics.models_servable.set(sum(model.servable for model in models))
        metrics.routes_connected.set(source.connected)
        metrics.companies_known.set(companies.size)
        metrics.companies_up.set(not companies.away)
        metrics.redis_up.set(store is not None and not store.away)
        if recorder is not None:
            metrics.records_waiting.set(recorder.waiting)
            metrics.records_on_disk.set(recorder.spooled)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", prometheus)])
