"""An authority of a test, and a server of TLS before one that is built without."""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .redis_process import LOOPBACK, RedisProcess


def signed(folder: Path, *hosts: str) -> Path:
    """Make an authority and a certificate for these hosts; the folder with ca.crt, tls.crt and tls.key."""
    folder.mkdir(exist_ok=True)
    now = dt.datetime.now(dt.UTC)

    def certificate(name: str, key: Any, issuer: str, signer: Any, *, authority: bool) -> bytes:
        built = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = [x509.IPAddress(ip_address(host)) for host in hosts]
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    (folder / "ca.crt").write_bytes(certificate("test", root, "test", root, authority=True))
    (folder / "tls.crt").write_bytes(certificate("redis", leaf, "test", root, authority=False))
    (folder / "tls.key").write_bytes(
        leaf.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@asynccontextmanager
async def with_tls(redis: RedisProcess, certificates: Path) -> AsyncIterator[int]:
    """Put TLS before a server, which is built without it; the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    passing: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection(LOOPBACK, redis.port)
        me = asyncio.current_task()
        assert me is not None
        passing[me] = (before, writer)
        try:
            await asyncio.gather(copy(reader, before), copy(behind, writer))
        finally:
            before.close()
            writer.close()
            del passing[me]

    server = await asyncio.start_server(pass_on, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        tasks = list(passing)
        for ends in list(passing.values()):
            for end in ends:
                end.transport.abort()
        await asyncio.gather(*tasks)
