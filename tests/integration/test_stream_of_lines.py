"""A long stream of lines through a real gateway: in order, at the pace of its reader, in little memory."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from veriaidpo_gateway.http.streaming import GROUPS_AT_ONCE
from veriaidpo_gateway.models.inference import TOGETHER

from ..tables import kept
from .gateway_process import SECRET, Gateway, free_port, running, serving, v2_answer

LINES = 20_000
A_MILLION = 1_000_000
MEBIBYTE = 1024 * 1024


@dataclass
class Predictor:
    """How many texts were asked of it, and how many seconds it takes for each call."""

    port: int
    seconds: float = 0.0
    asked: int = 0

    async def infer(self, request: Request) -> JSONResponse:
        body = await request.json()
        self.asked += len(body["inputs"][0]["data"])
        await asyncio.sleep(self.seconds)
        return JSONResponse(v2_answer(request.path_params["name"], body))


@pytest.fixture
async def predictor() -> AsyncIterator[Predictor]:
    found = Predictor(free_port())
    async with serving(found.infer, found.port):
        yield found


@pytest.fixture
def gateway(tmp_path: Path, predictor: Predictor) -> Iterator[Gateway]:
    with running(tmp_path, predictor.port, {}) as found:
        yield found


class Stream:
    """A caller that writes and reads at the same time, or does not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.sent = 0
        self.last: dict[str, object] = {}

    async def begin(self, query: str = "") -> None:
        claims = {"sub": "u", "role": "staff", "tenant_id": "t", "exp": int(time.time()) + 43_200}
        token = jwt.encode(claims, SECRET, "HS256")
        head = f"POST /batch-classify{query} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
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
        """The answers; the last line, which says how many they are, is kept."""
        rest = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            *lines, rest = (rest + await self._reader.readexactly(size)).split(b"\n")
            await self._reader.readexactly(2)
            for line in lines:
                found = json.loads(line)
                if "stream_ended" in found:
                    self.last = found
                else:
                    yield found
        assert rest == b""


@asynccontextmanager
async def opened(gateway: Gateway, query: str = "") -> AsyncIterator[Stream]:
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=64 * 1024)
    stream = Stream(reader, writer)
    await stream.begin(query)
    try:
        yield stream
    finally:
        writer.close()


def item(number: int) -> dict[str, object]:
    return {"id": number, "text": f"Shopee VN thu thập email khách hàng số {number}. " + "Câu dài. " * 60}


def short(number: int) -> dict[str, object]:
    return {"id": number, "text": f"Shopee lưu câu {number % 997}", "include_metadata": False}


@pytest.mark.parametrize(
    ("lines", "made"), [(LINES, item), pytest.param(A_MILLION, short, marks=pytest.mark.slow)]
)
async def test_lines_come_back_in_order_and_in_bounded_memory(
    gateway: Gateway, lines: int, made: Callable[[int], dict[str, object]]
) -> None:
    held: list[int] = []
    received = 0

    async def write(stream: Stream) -> None:
        for first in range(0, lines, 100):
            await stream.send(*(made(i) if i % 1000 else b"{broken\n" for i in range(first, first + 100)))
        await stream.end()

    begun = time.monotonic()
    async with asyncio.timeout(240 + lines / 400), opened(gateway) as stream:
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
        assert (stream.last["complete"], stream.last["lines"]) == (True, lines)
    assert received == lines
    with kept("bench") as figures:
        figures.setdefault("stream", {})[f"{lines}_lines"] = {
            "seconds": round(time.monotonic() - begun, 1),
            "rss_after_10000_mb": round(held[9] / 1e6, 1),
            "rss_most_mb": round(max(held) / 1e6, 1),
        }
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


async def test_a_stream_that_was_cut_is_resumed_after_the_last_answer_that_arrived(gateway: Gateway) -> None:
    answered: list[object] = []
    async with asyncio.timeout(60):
        while len(answered) < 1_000:
            query = f"?resume_after={answered[-1]}" if answered else ""
            async with opened(gateway, query) as stream:
                writing = asyncio.create_task(stream.send(*(item(i) for i in range(1_000))))
                await stream.head()
                arrived = 0
                async for result in stream.results():
                    answered.append(result["id"])
                    arrived += 1
                    if arrived == 333 or len(answered) == 1_000:
                        break  # and the connection is cut, whatever is on its way
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
    assert answered == list(range(1_000))


async def test_a_caller_that_goes_away_stops_the_work(gateway: Gateway, predictor: Predictor) -> None:
    predictor.seconds = 0.3
    async with asyncio.timeout(60), opened(gateway) as stream:
        writing = asyncio.create_task(stream.send(*(item(i) for i in range(2_000))))
        await stream.head()
        results = stream.results()
        await anext(results)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    at_most = predictor.asked + GROUPS_AT_ONCE * TOGETHER
    await asyncio.sleep(1)
    asked = predictor.asked
    await asyncio.sleep(2)
    # What was under way may still have been sent; of the other lines that had arrived, none is asked.
    assert predictor.asked == asked <= at_most < 2_000
