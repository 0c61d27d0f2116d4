"""A server that talks like Redis and says what it is told to say."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import hiredis

from .redis_process import LOOPBACK


def array(*parts: bytes | str | int) -> bytes:
    """Write an answer of several parts; bytes are parts that are written already."""
    written = [part if isinstance(part, bytes) else bulk(part) for part in parts]
    return b"*%d\r\n" % len(written) + b"".join(written)


def bulk(part: str | int) -> bytes:
    """Write a number, or a string."""
    if isinstance(part, int):
        return b":%d\r\n" % part
    return b"$%d\r\n%b\r\n" % (len(part.encode()), part.encode())


@asynccontextmanager
async def saying(answers: Mapping[str, bytes], *, tls: Path | None = None) -> AsyncIterator[int]:
    """Answer commands by their first word; AUTH and SELECT with OK, others not at all. The port."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
    open_now: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        commands = hiredis.Reader()
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                commands.feed(data)
                while command := commands.gets():
                    word = command[0].decode().split(" ")[0]
                    writer.write(answers.get(word, b"+OK\r\n" if word in ("AUTH", "SELECT") else b""))
        writer.close()

    server = await asyncio.start_server(talk, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_now:
            writer.transport.abort()
        await asyncio.sleep(0)
