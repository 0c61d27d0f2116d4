"""The watch on Model resources against an API server that does everything it is allowed to do."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.models.watch import ServiceAccount, WatchSource, in_cluster

LOST = object()
"""In place of an event or an answer: the connection is reset."""


class ApiServer:
    """Lists what it has, and sends what the test puts into `events`; over a socket, as the real one does."""

    def __init__(self, items: Any) -> None:
        self.items = items
        self.version = 10
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.requests: list[web.Request] = []
        self.answers: list[Any] = []
        self.watching = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.answers:
            answer = self.answers.pop(0)
            if answer is LOST:
                reset(request)
                return web.Response()
            assert isinstance(answer, web.Response)
            return answer
        if request.query.get("watch"):
            return await self.stream(request)
        listed = {"metadata": {"resourceVersion": str(self.version)}, "items": self.items}
        return web.json_response(listed)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        self.watching.set()
        while (event := await self.events.get()) is not None:
            if event is LOST:
                reset(request)
                break
            # In two pieces: an event may arrive in any.
            await response.write(event[:7])
            await asyncio.sleep(0)
            await response.write(event[7:])
        return response

    def send(self, kind: Any, resource: Any) -> None:
        self.version += 1
        resource["metadata"]["resourceVersion"] = str(self.version)
        self.events.put_nowait(json.dumps({"type": kind, "object": resource}).encode() + b"\n")

    def hang_up(self) -> None:
        self.events.put_nowait(None)

    def lose(self) -> None:
        self.events.put_nowait(LOST)


def reset(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


@pytest.fixture
def account(tmp_path: Any) -> Any:
    (tmp_path / "token").write_text("token-1\n")
    return ServiceAccount("http://127.0.0.1", tmp_path)


@pytest.fixture
async def server(model_resource: Any) -> Any:
    return ApiServer([model_resource()])


@pytest.fixture
async def source(account: Any, server: Any) -> Any:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with (
        TestServer(app) as serving,
        replace(account, server=str(serving.make_url(""))).http_client() as http,
    ):
        source = WatchSource(account, http, "veriaidpo", first_pause=0.001)
        task = asyncio.create_task(source.run())
        yield source
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(source: Any, wanted: Any) -> None:
    async with asyncio.timeout(5):
        while not (source.current() is not None and wanted(source.current())):
            source.changed.clear()
            await source.changed.wait()


def names(routes: Any) -> Any:
    return [model.name for model in routes.models]


async def test_it_lists_and_then_watches_from_there(server: Any, source: Any) -> None:
    await until(source, lambda routes: names(routes) == ["principles-vi"])
    async with asyncio.timeout(5):
        await server.watching.wait()
    listed, watched = server.requests
    assert listed.path == "/apis/veriaidpo.verisyntra.vn/v1alpha1/namespaces/veriaidpo/models"
    assert watched.query["resourceVersion"] == "10"
    assert watched.query["allowWatchBookmarks"] == "true"
    assert {request.method for request in server.requests} == {"GET"}
    assert watched.headers["Authorization"] == "Bearer token-1"
    assert source.connected


async def test_what_is_added_changed_and_deleted_is_followed(
    server: Any, source: Any, model_resource: Any
) -> None:
    server.send("ADDED", model_resource("consent-vi", model_type="consent", servable=False))
    await until(source, lambda routes: names(routes) == ["consent-vi", "principles-vi"])
    assert not source.current().models[0].servable
    server.send("MODIFIED", model_resource("consent-vi", model_type="consent"))
    await until(source, lambda routes: routes.models[0].servable)
    server.send("DELETED", model_resource())
    await until(source, lambda routes: names(routes) == ["consent-vi"])


async def test_after_a_hang_up_it_goes_on_from_the_last_version(
    server: Any, source: Any, model_resource: Any
) -> None:
    server.send("ADDED", model_resource("consent-vi", model_type="consent"))
    await until(source, lambda routes: len(routes.models) == 2)
    server.hang_up()
    server.send("DELETED", model_resource("consent-vi", model_type="consent"))
    await until(source, lambda routes: len(routes.models) == 1)
    assert server.requests[-1].query["resourceVersion"] == "11"
    assert sum("watch" not in request.query for request in server.requests) == 1


async def test_a_bookmark_moves_the_version_and_nothing_else(server: Any, source: Any) -> None:
    await until(source, lambda routes: len(routes.models) == 1)
    before = source.current()
    server.version = 500
    server.send("BOOKMARK", {"metadata": {}})
    async with asyncio.timeout(5):
        await server.watching.wait()
        server.watching.clear()
        server.hang_up()
        await server.watching.wait()
    assert server.requests[-1].query["resourceVersion"] == "501"
    assert source.current() is before


@pytest.mark.parametrize("how", ["in an event", "as a status"])
async def test_a_version_that_is_too_old_means_listing_again(
    server: Any, source: Any, model_resource: Any, how: Any
) -> None:
    await until(source, lambda routes: len(routes.models) == 1)
    server.items = [model_resource("consent-vi", model_type="consent")]
    if how == "in an event":
        server.events.put_nowait(json.dumps({"type": "ERROR", "object": {"code": 410}}).encode() + b"\n")
    else:
        server.answers = [web.Response(status=410)]
        server.hang_up()
    await until(source, lambda routes: names(routes) == ["consent-vi"])


@pytest.mark.parametrize(
    "answer",
    [
        lambda watching: web.Response(status=410) if watching else None,
        lambda watching: web.Response() if watching else None,
    ],
    ids=["always too old", "always at its end"],
)
async def test_who_ends_every_watch_at_once_is_not_asked_without_a_pause(
    account: Any, server: Any, answer: Any
) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        found: web.Response | None = answer("watch" in request.query)
        if found is None:
            return await server.answer(request)  # type: ignore[no-any-return]
        server.requests.append(request)
        return found

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    async with (
        TestServer(app) as serving,
        replace(account, server=str(serving.make_url(""))).http_client() as http,
    ):
        task = asyncio.create_task(WatchSource(account, http, "veriaidpo", first_pause=0.1).run())
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    # A list and a watch, then at least 0.05 s, 0.1 s, 0.2 s …
    assert 4 <= len(server.requests) <= 14


@pytest.mark.parametrize(
    "trouble",
    [
        [LOST] * 3,
        [web.Response(status=500), web.Response(status=429), web.Response(status=503)],
        [web.Response(status=401)],
        [web.Response(status=403)],
        [web.Response(text="<html>not the API</html>")],
        [web.json_response({"items": []})],
    ],
    ids=["refused", "statuses", "401", "403", "a page", "no version"],
)
async def test_while_the_server_is_away_the_last_good_routes_stay(
    server: Any, source: Any, model_resource: Any, trouble: Any
) -> None:
    await until(source, lambda routes: len(routes.models) == 1)
    server.items = [model_resource(), model_resource("consent-vi", model_type="consent")]
    server.answers = list(trouble)
    server.lose()
    async with asyncio.timeout(5):
        while server.answers:
            await asyncio.sleep(0)
            assert "principles-vi" in names(source.current())
    await until(source, lambda routes: len(routes.models) == 2)
    assert source.connected


async def test_a_connection_lost_in_the_middle_of_an_event_is_asked_for_again(
    server: Any, source: Any, model_resource: Any
) -> None:
    await until(source, lambda routes: len(routes.models) == 1)
    server.events.put_nowait(b'{"type": "ADDED", "obj')
    server.hang_up()
    server.items = [model_resource("consent-vi", model_type="consent")]
    await until(source, lambda routes: names(routes) == ["consent-vi"])


async def test_a_renewed_token_is_used(server: Any, source: Any, account: Any) -> None:
    await until(source, lambda routes: len(routes.models) == 1)
    (account.folder / "token").write_text("token-2")
    async with asyncio.timeout(5):
        await server.watching.wait()
        server.watching.clear()
        server.hang_up()
        await server.watching.wait()
    assert server.requests[-1].headers["Authorization"] == "Bearer token-2"


async def test_a_resource_that_makes_no_sense_takes_no_other_down(
    server: Any, source: Any, model_resource: Any
) -> None:
    broken = model_resource("broken-vi")
    del broken["spec"]["modelType"]
    server.send("ADDED", broken)
    server.send("ADDED", model_resource("consent-vi", model_type="consent"))
    await until(source, lambda routes: names(routes) == ["consent-vi", "principles-vi"])


def test_the_address_of_the_api_server_comes_from_kubernetes() -> None:
    found = in_cluster({"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"})
    assert found.server == "https://10.96.0.1:443"
    assert in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}).server == "https://[fd00::1]:443"
    with pytest.raises(InvalidSettingsError, match="ROUTES_FILE"):
        in_cluster({})
