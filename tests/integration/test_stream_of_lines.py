"""A long stream of lines through a real gateway: in order, at the pace of its reader, in little memory."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jwt
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SECRET = "a secret of thirty-two bytes, yes"
REVISION = "5" * 64
LINES = 20_000
MEBIBYTE = 1024 * 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def infer(request: Request) -> JSONResponse:
    body = await request.json()
    n = len(body["inputs"][0]["data"])
    outputs = [
        {"name": "category_id", "shape": [n], "datatype": "INT64", "data": [1] * n},
        {"name": "probabilities", "shape": [n, 2], "datatype": "FP32", "data": [0.25, 0.75] * n},
        {"name": "tokens", "shape": [n], "datatype": "INT64", "data": [9] * n},
        {"name": "truncated", "shape": [n], "datatype": "BOOL", "data": [False] * n},
    ]
    answer = {"model_name": "principles-vi", "id": body["id"], "outputs": outputs}
    return JSONResponse({**answer, "parameters": {"model_revision": REVISION}})


@pytest.fixture
async def predictor_port() -> AsyncIterator[int]:
    port = free_port()
    app = Starlette(routes=[Route("/v2/models/principles-vi/infer", infer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110  it has no event for it
            await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await task


class Gateway:
    """The process, and what it holds in memory."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def resident(self) -> int:
        """Bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def gateway(tmp_path: Path, predictor_port: int) -> Iterator[Gateway]:
    model = {
        "kind": "Model",
        "metadata": {"name": "principles-vi"},
        "spec": {
            "modelType": "principles",
            "language": "vi",
            "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "Bê"}],
        },
        "status": {
            "currentRevision": REVISION,
            "inferenceService": {"url": f"http://127.0.0.1:{predictor_port}"},
            "conditions": [{"type": "Servable", "status": "True"}, {"type": "Ready", "status": "True"}],
        },
    }
    (tmp_path / "routes.json").write_text(json.dumps(model))
    port, inner = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "JWT_SECRET_KEY": SECRET,
        "ROUTES_FILE": str(tmp_path / "routes.json"),
        "RATE_LIMIT_PER_SECOND": "0",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "INNER_PORT": str(inner),
    }
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "veriaidpo_gateway", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until_ready(process, inner, tmp_path / "log")
        yield Gateway(process, port)
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], inner: int, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"http://127.0.0.1:{inner}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())


class Stream:
    """A caller that writes and reads at the same time, or does not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.sent = 0

    async def begin(self) -> None:
        claims = {"sub": "u", "role": "staff", "tenant_id": "t", "exp": int(time.time()) + 600}
        token = jwt.encode(claims, SECRET, "HS256")
        head = "POST /batch-classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
        head += f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._writer.write(head.encode())

    async def send(self, *items: object) -> None:
        data = b"".join(
            item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode() + b"\n"
            for item in items
        )
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()
        self.sent += len(items)

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def head(self) -> str:
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def results(self) -> AsyncIterator[dict[str, object]]:
        rest = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            *lines, rest = (rest + await self._reader.readexactly(size)).split(b"\n")
            await self._reader.readexactly(2)
            for line in lines:
                yield json.loads(line)
        assert rest == b""


@asynccontextmanager
async def opened(gateway: Gateway) -> AsyncIterator[Stream]:
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=64 * 1024)
    stream = Stream(reader, writer)
    await stream.begin()
    try:
        yield stream
    finally:
        writer.close()


def item(number: int) -> dict[str, object]:
    return {"id": number, "text": f"Shopee VN thu thập email khách hàng số {number}. " + "Câu dài. " * 60}


async def test_twenty_thousand_lines_in_order_and_in_bounded_memory(gateway: Gateway) -> None:
    held: list[int] = []
    received = 0

    async def write(stream: Stream) -> None:
        for first in range(0, LINES, 100):
            await stream.send(*(item(i) if i % 1000 else b"{broken\n" for i in range(first, first + 100)))
        await stream.end()

    async with asyncio.timeout(240), opened(gateway) as stream:
        writing = asyncio.create_task(write(stream))
        assert (await stream.head()).startswith("HTTP/1.1 200")
        async for result in stream.results():
            if received % 1000:
                assert (result["id"], result["prediction"]) == (received, "Bê")
            else:
                assert (result["line"], "detail" in result) == (received + 1, True)
            received += 1
            if received % 1000 == 0:
                held.append(gateway.resident())
        await writing
    assert received == LINES
    # 20,000 results are 34 MB; the cache is full after the first half and stays as it is.
    assert max(held) - held[1] < 24 * MEBIBYTE
    assert max(held[10:]) - held[10] < 4 * MEBIBYTE


async def test_a_reader_that_stops_stops_the_writer_too_and_nobody_else(gateway: Gateway) -> None:
    async def write(stream: Stream) -> None:
        for first in range(0, LINES, 100):
            await stream.send(*(item(i) for i in range(first, first + 100)))

    async with asyncio.timeout(120), opened(gateway) as stream, opened(gateway) as other:
        writing = asyncio.create_task(write(stream))
        sent, quiet = 0, 0
        while quiet < 10:  # until nothing moves for a second
            await asyncio.sleep(0.1)
            quiet, sent = (quiet + 1 if stream.sent == sent and sent else 0), stream.sent
        assert sent < LINES  # what both sides' sockets hold
        before = gateway.resident()
        await other.send(item(1))
        await other.end()
        assert (await other.head()).startswith("HTTP/1.1 200")
        assert [one["id"] async for one in other.results()] == [1]
        assert gateway.resident() - before < 4 * MEBIBYTE
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_each_line_is_answered_before_the_next_is_sent(gateway: Gateway) -> None:
    async with asyncio.timeout(20), opened(gateway) as stream:
        await stream.send(item(0))
        assert (await stream.head()).startswith("HTTP/1.1 200")
        results = stream.results()
        assert (await anext(results))["id"] == 0
        for number in range(1, 20):
            await stream.send(item(number))
            assert (await anext(results))["id"] == number
        await stream.end()
        assert [one async for one in results] == []
