"""Both ports of a gateway in one process, with a server that leaves no room for interpretation.

httptools is asked for by name and must be there: the fallback parser accepts requests that two readers
understand differently. Headers that claim to know the client are not believed, and nothing is logged but our
own lines.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from types import FrameType

import httptools  # noqa: F401  missing, the process must not start
import uvicorn
from starlette.types import ASGIApp

from veriaidpo_gateway.app import Upkeep, create_apps
from veriaidpo_gateway.database.connecting import Database, open_database
from veriaidpo_gateway.models.pool import open_pool
from veriaidpo_gateway.models.predictor import Predictors
from veriaidpo_gateway.models.service_token import ServiceTokens
from veriaidpo_gateway.models.sources import FileSource, Source
from veriaidpo_gateway.models.watch import WatchSource, in_cluster
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.redis.store import connect
from veriaidpo_gateway.settings import RouteSettings, Settings
from veriaidpo_gateway.tracing import open_tracer

GRACE = 35
"""Seconds for requests under way when told to stop: a little more than the longest may take."""


_log = logging.getLogger(__name__)


class PublicServer(uvicorn.Server):
    """The server that is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and leave the process to end what else it began: uvicorn would end it by the signal."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


class InnerServer(uvicorn.Server):
    """A server beside another: the signals are the other one's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def serve(settings: Settings) -> None:
    """Serve until told to stop; InvalidSettingsError or OSError when it cannot start."""
    uvloop_or_asyncio = uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=uvloop_or_asyncio) as runner:
        runner.run(_serve(settings))


def configure(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """Make the settings either port is opened with."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=16 * 1024,
        backlog=1024,
    )


async def _serve(settings: Settings) -> None:
    async with (
        _source(settings.routes) as source,
        open_pool() as post,
        open_database(settings.database_url, sends=_records_with_companies(settings.records)) as database,
        _record_database(settings.records) as record_database,
    ):
        store = connect(settings.redis) if settings.redis else None
        tokens = ServiceTokens(settings.service_key_file) if settings.service_key_file else None
        tracer = open_tracer(settings.traces)
        servers: list[uvicorn.Server] = []
        apps = create_apps(
            settings,
            source=source,
            store=store,
            database=database,
            record_database=record_database,
            predictors=Predictors(post, tokens),
            tracer=tracer,
            draining=lambda: any(server.should_exit for server in servers),
        )
        public = PublicServer(configure(apps.public, settings.host, settings.port))
        inner = InnerServer(configure(apps.inner, settings.host, settings.inner_port))
        servers += [public, inner]
        try:
            async with _upkeep(apps.upkeep):
                await _both(public, inner)
        finally:
            if apps.recorder is not None:
                await apps.recorder.close()
            if store is not None:
                await store.close()
            tracer.close()


@asynccontextmanager
async def _upkeep(parts: Sequence[Upkeep]) -> AsyncIterator[None]:
    # Once before the first request: a new replica believes no token that the others already refuse.
    await asyncio.gather(*(part.refresh() for part in parts))
    repeating = [asyncio.create_task(_repeat(part)) for part in parts]
    try:
        yield
    finally:
        for task in repeating:
            task.cancel()
        await asyncio.gather(*repeating, return_exceptions=True)


async def _repeat(part: Upkeep) -> None:
    while True:
        await asyncio.sleep(part.every)
        try:
            await part.refresh()
        except Exception:  # noqa: BLE001  one bad round must not be the last one
            _log.exception("a refresh failed")


async def _both(public: uvicorn.Server, inner: uvicorn.Server) -> None:
    beside = asyncio.create_task(inner.serve())
    try:
        await public.serve()
    finally:
        inner.should_exit = True
        await beside


def _records_with_companies(settings: RecordSettings | None) -> bool:
    return settings is not None and settings.database_url is None


@asynccontextmanager
async def _record_database(settings: RecordSettings | None) -> AsyncIterator[Database | None]:
    if settings is None or settings.database_url is None:
        yield None
        return
    async with open_database(settings.database_url, sends=True) as database:
        yield database


@asynccontextmanager
async def _source(settings: RouteSettings) -> AsyncIterator[Source]:
    if settings.file is not None:
        yield FileSource(settings.file)
        return
    account = in_cluster()
    async with account.http_client() as http:
        source = WatchSource(account, http, settings.namespace or "default")
        watching = asyncio.create_task(source.run())
        try:
            yield source
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
