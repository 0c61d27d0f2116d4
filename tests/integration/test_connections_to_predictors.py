"""The pool of connections to predictors against servers that do what a server may do, and what it may not."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from veriaidpo_gateway.models import pool
from veriaidpo_gateway.models.pool import BusyError, NoAnswerError, Post, Reply, SilentError, open_pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers every request on a socket of its own with the bytes it is given; keeps what it was sent."""

    def __init__(self, *answers: bytes, then_close: bool = False) -> None:
        self.answers, self.then_close = list(answers), then_close
        self.asked: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                (length,) = (
                    int(line[15:])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                self.asked.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                told = b"connection: close" in head.lower().split(b"\r\n")
                writer.write(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if told else answer)
                await writer.drain()
                if told or self.then_close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes, then_close: bool = False) -> AsyncIterator[Server]:
    server = Server(*answers, then_close=then_close)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v2/models/m/infer"
    try:
        yield server
    finally:
        listening.close()


async def ask(post: Post, url: str, *, seconds: float = 5.0) -> Reply:
    return await post(url, b"{}", {"X-Request-Id": "abcdefgh"}, seconds=seconds)


async def test_one_connection_serves_call_after_call() -> None:
    async with serving(OK) as server, open_pool() as post:
        for _ in range(20):
            assert await ask(post, server.url) == Reply(200, b"ok")
    assert server.connections == 1


async def test_a_predictor_that_was_added_is_asked_before_long() -> None:
    """Where one is reached is chosen once for each connection."""
    async with serving(OK) as server, serving(OK) as other, open_pool() as post:
        for _ in range(2 * pool.CALLS_TO_A_NEW_ONE + 1):
            assert await ask(post, server.url) == Reply(200, b"ok")
        assert server.connections == 3
        assert await ask(post, other.url) == Reply(200, b"ok")
    assert b"connection: close" not in other.asked[0].lower(), "each address is counted by itself"


async def test_a_request_carries_our_headers_and_none_that_say_what_we_are() -> None:
    async with serving(OK) as server, open_pool() as post:
        await ask(post, server.url)
    lines = server.asked[0].split(b"\r\n")
    assert lines[0] == b"POST /v2/models/m/infer HTTP/1.1"
    names = {line.partition(b":")[0].lower() for line in lines[1:-2]}
    assert names == {b"host", b"x-request-id", b"content-length", b"content-type"}


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as proxy, serving(OK) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with open_pool() as post:
            assert (await ask(post, server.url)).status == 200
    assert (len(server.asked), len(proxy.asked)) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_sent_elsewhere(status: int) -> None:
    async with serving(OK) as elsewhere:
        to = f"HTTP/1.1 {status} Go\r\nLocation: {elsewhere.url}\r\nSet-Cookie: a=b\r\n"
        to += "Content-Length: 0\r\n\r\n"
        async with serving(to.encode()) as server, open_pool() as post:
            assert (await ask(post, server.url)).status == status
            assert (await ask(post, server.url)).status == status
    assert elsewhere.asked == []
    assert b"cookie" not in server.asked[1].lower()


async def test_a_status_comes_with_what_it_says_of_waiting() -> None:
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    async with serving(busy) as server, open_pool() as post:
        assert await ask(post, server.url) == Reply(503, b"", "7")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["nothing", "half", "half a chunk", "another protocol", "an endless header"],
)
async def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    async with serving(answer, then_close=True) as server, open_pool() as post:
        with pytest.raises(NoAnswerError):
            await ask(post, server.url)


async def test_a_call_is_sent_once_even_over_a_connection_that_was_dropped() -> None:
    """Whether to ask again is decided by who knows the deadline."""
    async with serving(OK, b"", then_close=True) as server, open_pool() as post:
        await ask(post, server.url)
        with pytest.raises(NoAnswerError):
            await ask(post, server.url)
    assert len(server.asked) <= 2


async def test_nobody_at_the_address() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        async with open_pool() as post:
            with pytest.raises(NoAnswerError, match="ClientConnectorError"):
                await ask(post, url)


async def test_a_connection_that_is_not_had_in_time_is_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody accepts, and there is no room to wait in: as with a killed pod, whose address swallows packets.
    monkeypatch.setattr(pool, "_CONNECT_SECONDS", 0.1)
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        async with open_pool() as post:
            with pytest.raises(NoAnswerError, match="connect timeout"):
                await ask(post, f"http://127.0.0.1:{full.getsockname()[1]}/")


async def test_a_model_that_never_answers_takes_no_place_from_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "_PLACE_SECONDS", 0.1)
    monkeypatch.setattr(pool, "AT_ONCE", 32)
    async with serving(b"") as hung, serving(OK) as healthy, open_pool() as post:
        calls = [asyncio.create_task(ask(post, hung.url, seconds=1.0)) for _ in range(pool.AT_ONCE * 4)]
        await asyncio.sleep(0.05)
        for _ in range(20):
            assert await ask(post, healthy.url, seconds=0.5) == Reply(200, b"ok")
        ended = await asyncio.gather(*calls, return_exceptions=True)
        silent = [one for one in ended if isinstance(one, SilentError)]
        busy = [one for one in ended if isinstance(one, BusyError)]
        assert (len(silent), len(busy)) == (pool.AT_ONCE, pool.AT_ONCE * 3)
    assert hung.connections == pool.AT_ONCE


async def test_neither_does_one_of_the_same_predictor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "AT_ONCE", 1)
    async with serving(b"", OK) as server, open_pool() as post:
        hung = asyncio.create_task(ask(post, server.url, seconds=0.5))
        await asyncio.sleep(0.05)
        assert await ask(post, server.url.replace("/m/", "/n/")) == Reply(200, b"ok")
        with pytest.raises(SilentError):
            await hung


async def test_a_place_is_free_again_however_the_call_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "AT_ONCE", 1)
    async with serving(b"", b"", OK) as server, open_pool() as post:
        with pytest.raises(SilentError):
            await ask(post, server.url, seconds=0.1)
        left = asyncio.create_task(ask(post, server.url))
        await asyncio.sleep(0.05)
        left.cancel()
        assert await ask(post, server.url) == Reply(200, b"ok")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", OK[:-1]], ids=["nothing", "a line", "half"])
async def test_an_answer_that_is_not_there_in_time_is_silence(answer: bytes) -> None:
    async with serving(answer) as server, open_pool() as post:
        with pytest.raises(SilentError):
            await ask(post, server.url, seconds=0.1)


async def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_BYTES", 100_000)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000
    async with serving(endless) as server, open_pool() as post:
        with pytest.raises(ValueError, match="size"):
            await ask(post, server.url)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    data = gzip.compress(b"0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
    async with serving(head.encode() + data) as server, open_pool() as post:
        with pytest.raises(ValueError, match="compressed"):
            await ask(post, server.url)
