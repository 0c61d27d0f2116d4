"""Callers who go away: what they asked for is broken off, and counted as nobody's failure."""

import asyncio

import pytest
import uvicorn
from prometheus_client import REGISTRY

from veriaidpo_predictor.serving.guard import Guard, Receive, Scope, Send
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.tracing import Untraced

REQUEST = b"POST /v1/models/tiny-en:predict HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
SOON = 20
"""Seconds, on a machine that may be anything but at rest."""


class App:
    """Begins to answer and goes on only when it is told to; knows how it ended."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.set()
        try:
            await self.may_end.wait()
            headers = [(b"content-length", b"2")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})
            await asyncio.sleep(0.1)  # what an application does behind its answer
        except asyncio.CancelledError:
            self.ended.set_result("broken off")
            raise
        self.ended.set_result("whole")


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"model": "tiny-en", **labels}) or 0.0


async def asked(app: App, registry: Registry, *, stays: bool) -> bytes:
    """Ask on a connection of its own; gives what comes back to one who stays."""
    guard = Guard(app, registry=registry, trust=None, tracer=Untraced())
    server = uvicorn.Server(
        uvicorn.Config(guard, host="127.0.0.1", port=0, http="httptools", lifespan="off", log_config=None)
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(SOON):
        while not server.started:  # noqa: ASYNC110  it has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await app.begun.wait()
        found = b""
        if stays:
            app.may_end.set()
            found = await reader.readuntil(b"{}")
        else:
            writer.close()
        await app.ended
        writer.close()
        server.should_exit = True
        await serving
    return found


async def test_what_nobody_waits_for_is_broken_off(registry: Registry) -> None:
    before = [
        counted("veriaidpo_refused_total", cause="left"),
        counted("veriaidpo_requests_total", code="500"),
    ]
    app = App()
    await asked(app, registry, stays=False)
    assert app.ended.result() == "broken off"
    after = [
        counted("veriaidpo_refused_total", cause="left"),
        counted("veriaidpo_requests_total", code="500"),
    ]
    assert after == [before[0] + 1, before[1]]


async def test_who_stays_gets_an_answer_and_nothing_behind_it_is_broken_off(registry: Registry) -> None:
    before = counted("veriaidpo_refused_total", cause="left")
    app = App()
    found = await asked(app, registry, stays=True)
    assert found.startswith(b"HTTP/1.1 200")
    assert app.ended.result() == "whole"
    assert counted("veriaidpo_refused_total", cause="left") == before


async def test_a_request_that_the_server_breaks_off_itself_is_nobodys_leaving(registry: Registry) -> None:
    app = App()

    async def receive() -> dict[str, object]:
        if not app.begun.is_set():
            return {"type": "http.request", "body": b"{}"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: object) -> None:
        raise AssertionError

    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/models/tiny-en:predict", "headers": []}
    guard = Guard(app, registry=registry, trust=None, tracer=Untraced())
    asking = asyncio.create_task(guard(scope, receive, send))
    await app.begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert app.ended.result() == "broken off"
