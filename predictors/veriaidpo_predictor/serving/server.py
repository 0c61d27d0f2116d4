"""kserve's model server with what it leaves open closed: gRPC, repository calls, texts in errors and logs."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any

import fastapi
import uvicorn
from fastapi.exceptions import FastAPIDeprecationWarning, RequestValidationError
from fastapi.responses import Response
from kserve import ModelServer  # type: ignore[import-untyped]
from kserve.errors import (  # type: ignore[import-untyped]
    InvalidInput,
    ModelNotFound,
    ModelNotReady,
    ServerNotLive,
    ServerNotReady,
)
from kserve.protocol.dataplane import DataPlane  # type: ignore[import-untyped]
from kserve.protocol.model_repository_extension import (  # type: ignore[import-untyped]
    ModelRepositoryExtension,
)
from kserve.protocol.rest.server import RESTServer  # type: ignore[import-untyped]
from starlette.exceptions import HTTPException

from veriaidpo_predictor.serving import refusals
from veriaidpo_predictor.serving.guard import ANSWER, Guard
from veriaidpo_predictor.serving.model import Predictor
from veriaidpo_predictor.serving.refusals import Refusal
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.serving.served import Served
from veriaidpo_predictor.serving.shared import SharedRegistry
from veriaidpo_predictor.serving.tokens import Trust
from veriaidpo_predictor.tracing import Tracer

log = logging.getLogger("veriaidpo.server")

_APP = "kserve.model_server:app"
_GRACE_SECONDS = 30


class _ClosedRepository(ModelRepositoryExtension):  # type: ignore[misc]  # kserve has no types
    """Nobody loads or unloads models over HTTP: the second wall behind the guard."""

    async def load(self, _model_name: str) -> None:
        raise InvalidInput(refusals.UNKNOWN_PATH.sentence)

    async def unload(self, _model_name: str) -> None:
        raise InvalidInput(refusals.UNKNOWN_PATH.sentence)


class _Plane(DataPlane):  # type: ignore[misc]
    """Knows when the process is ready, when it is stuck, and what computes; of which kserve knows nothing."""

    def __init__(self, model_registry: Any, registry: Registry) -> None:
        super().__init__(model_registry)
        self._registry = registry

    async def ready(self) -> bool:
        return self._registry.reason is None

    async def live(self) -> dict[str, str]:
        return {"status": "stuck" if self._registry.stuck else "alive"}

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """Add the revision, its format, the class of processors that it was made for, and the operators."""
        found: dict[str, Any] = await super().model_metadata(model_name)
        model = self.get_model_from_registry(model_name)
        manifest = model.manifest
        return found | {
            "versions": [manifest.digest],
            "platform": f"{manifest.format}/{manifest.cpu_class}{'/fused' if model.is_fused else ''}",
        }


class _Uvicorn(uvicorn.Server):
    """Ends in two steps: at the signal it stops being ready, `drain_seconds` later it stops listening.

    A cluster goes on sending for a moment after it told a pod to stop; whoever closes the door at once
    refuses those.
    """

    def __init__(self, config: uvicorn.Config, *, registry: Registry, drain_seconds: float) -> None:
        super().__init__(config)
        self._registry = registry
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Take SIGTERM and SIGINT; a second one ends the waiting. The exit code stays ours."""
        if self._registry.draining or sig == signal.SIGINT:
            self.should_exit = True
            return
        self._registry.draining = True
        timer = threading.Timer(self._drain_seconds, self.stop)
        timer.daemon = True
        timer.start()

    def stop(self) -> None:
        """Stop listening and let what is being answered finish."""
        self.should_exit = True


class _Rest(RESTServer):  # type: ignore[misc]
    """kserve's routes behind the guard, on a server that logs no request."""

    def __init__(
        self,
        server: ModelServer,
        *,
        registry: Registry,
        trust: Trust | None,
        tracer: Tracer,
        host: str,
        drain_seconds: float,
    ) -> None:
        super().__init__(_APP, server.dataplane, server.model_repository_extension, server.http_port)
        self._registry = registry
        self._trust = trust
        self._tracer = tracer
        self.config = uvicorn.Config(
            _APP,
            host=host,
            port=server.http_port,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=server.timeout_keep_alive,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Uvicorn(self.config, registry=registry, drain_seconds=drain_seconds)

    def stop(self) -> None:
        self._server.stop()

    def _register_endpoints(self, app: fastapi.FastAPI) -> None:
        super()._register_endpoints(app)
        if isinstance(self._registry, SharedRegistry):
            app.add_api_route("/states", self._registry.states, methods=["GET"])

    def _add_middlewares(self, app: fastapi.FastAPI) -> None:
        app.add_middleware(Guard, registry=self._registry, trust=self._trust, tracer=self._tracer)

    def _add_exception_handlers(self, app: fastapi.FastAPI) -> None:
        app.add_exception_handler(InvalidInput, _tell(refusals.BAD_INPUT))
        app.add_exception_handler(RequestValidationError, _tell(refusals.BAD_INPUT))
        app.add_exception_handler(ModelNotFound, _tell(refusals.UNKNOWN_MODEL))
        app.add_exception_handler(ModelNotReady, _tell(refusals.not_ready("The model is not ready.")))
        app.add_exception_handler(ServerNotReady, self._not_ready)
        app.add_exception_handler(ServerNotLive, _tell(refusals.STUCK))
        app.add_exception_handler(HTTPException, _by_status)

    async def _not_ready(self, request: fastapi.Request, _error: Exception) -> Response:
        return _response(request, refusals.not_ready(self._registry.reason or "The model is not ready."))


class Server(ModelServer):  # type: ignore[misc]
    """Serves a registry: the port opens at once, models load behind it and become ready one by one."""

    def __init__(
        self,
        registry: Registry,
        *,
        trust: Trust | None,
        tracer: Tracer,
        host: str,
        port: int,
        drain_seconds: float,
        load: Callable[["Server"], None],
    ) -> None:
        super().__init__(
            http_port=port, workers=1, enable_grpc=False, enable_docs_url=False, enable_latency_logging=False
        )
        self.model_repository_extension = _ClosedRepository(self.registered_models)
        self.dataplane = _Plane(self.registered_models, registry)
        self._registry = registry
        self._load_models = load
        self._rest = _Rest(
            self, registry=registry, trust=trust, tracer=tracer, host=host, drain_seconds=drain_seconds
        )

    def run(self) -> int:
        """Serve until a signal; gives the exit code: 0, or 1 when no model can be served."""
        # kserve answers with a response class that FastAPI would rather see gone; nobody here can change
        # that.
        warnings.filterwarnings("ignore", category=FastAPIDeprecationWarning)
        for model in self._registry:
            self.serve(model)
        threading.Thread(target=self._load, name="loader", daemon=True).start()
        self._rest.run()
        log.info("stopped")
        return 1 if self._registry.hopeless else 0

    def serve(self, model: Served) -> None:
        """Answer for a model, or for another revision of it."""
        self.registered_models.update(Predictor(model))

    def drop(self, name: str) -> None:
        """Answer no longer for a model."""
        self.registered_models.models.pop(name, None)

    def _load(self) -> None:
        """Load behind the open port; when nothing can ever be served, end rather than stand there."""
        self._load_models(self)
        if self._registry.hopeless:
            self._rest.stop()


def _response(request: fastapi.Request, refusal: Refusal) -> Response:
    request.scope[ANSWER].refusal = refusal
    return Response(refusal.body, refusal.status, headers=refusal.headers, media_type="application/json")


def _tell(refusal: Refusal) -> Any:
    async def handler(request: fastapi.Request, _error: Exception) -> Response:
        return _response(request, refusal)

    return handler


async def _by_status(request: fastapi.Request, error: Exception) -> Response:
    status = getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    known = {400: refusals.BAD_INPUT, 404: refusals.UNKNOWN_PATH, 405: refusals.WRONG_METHOD}
    return _response(request, known.get(int(status), refusals.FAILED))
