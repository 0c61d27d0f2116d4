"""A whole gateway in this process: with its upkeep, as the server runs it, but for the sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from veriaidpo_gateway.app import Upkeep, create_apps
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.models.pool import open_pool
from veriaidpo_gateway.models.predictor import Predictors
from veriaidpo_gateway.models.routes import Routes
from veriaidpo_gateway.redis.store import Store
from veriaidpo_gateway.server import _upkeep
from veriaidpo_gateway.settings import CacheSettings, LimitSettings, RouteSettings, Settings
from veriaidpo_gateway.token_settings import TokenSettings

from .gateway_process import SECRET

SOON = 5.0
"""Seconds a replica has to learn of a change."""

Replica = httpx.AsyncClient


class NoModels:
    kind = "file"
    connected = True

    def current(self) -> Routes:
        return Routes(())


@dataclass
class Whole:
    """A client of either app, and what keeps them up to date."""

    public: Replica
    inner: Replica
    upkeep: tuple[Upkeep, ...]


@asynccontextmanager
async def whole_gateway(
    *,
    tokens: TokenSettings | None = None,
    store: Store | None = None,
    database_url: str | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Whole]:
    """Run one without models; `headers` go with every public request."""
    settings = Settings(
        tokens or TokenSettings(secret=SECRET), LimitSettings(0, 0), CacheSettings(), RouteSettings()
    )
    async with AsyncExitStack() as stack:
        post = await stack.enter_async_context(open_pool())
        if store is not None:
            stack.push_async_callback(store.close)
        database = await stack.enter_async_context(open_database(database_url))
        apps = create_apps(
            settings,
            source=NoModels(),  # type: ignore[arg-type]
            store=store,
            database=database,
            predictors=Predictors(post, None),
        )
        await stack.enter_async_context(_upkeep(apps.upkeep))
        public, inner = [
            await stack.enter_async_context(
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gw", headers=sent)
            )
            for app, sent in ((apps.public, headers), (apps.inner, None))
        ]
        yield Whole(public, inner, apps.upkeep)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SOON) -> None:
    """Wait until it holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  a replica tells nobody what it learnt
            await asyncio.sleep(0.05)
