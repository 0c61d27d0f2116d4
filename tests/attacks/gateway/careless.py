"""A server without the defences: what the controls of the attacks are put to.

It believes a token's header about how to check the token, and other headers about who somebody is, and reads
HTTP with a lenient parser.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import posixpath
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class RefusedError(Exception):
    """Even here."""


class Careless:
    """Verifies tokens as the header of each says."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says, if its signature fits any key there is."""
        try:
            head, body, signature = [*token.split("."), "", ""][:3]
            header, claims = json.loads(decoded(head)), json.loads(decoded(body))
        except (ValueError, RecursionError) as error:
            raise RefusedError from error
        expires = claims.get("exp") if isinstance(claims, dict) else None
        if not isinstance(claims, dict) or (isinstance(expires, int) and expires < 0):
            raise RefusedError
        name = str(header.get("alg", "none"))
        if name.lower() in ("none", ""):
            return claims
        digest = DIGESTS.get(name.upper(), hashlib.sha256)
        keys = [*self._keys, *([decoded(header["jwk"]["k"])] if "jwk" in header else [])]
        signed = f"{head}.{body}".encode()
        if not any(hmac.digest(key, signed, digest) == decoded(signature) for key in keys):
            raise RefusedError
        return claims

    def accepts(self, token: str) -> bool:
        """Whether it would let the bearer in."""
        try:
            self.claims(token)
        except RefusedError:
            return False
        return True


def tokens_anywhere(headers: Sequence[tuple[str, str]]) -> list[str]:
    """Find what looks like a token in any header about authorization, as a forgiving server does."""
    said = " ".join(value for name, value in headers if "authorization" in name.lower())
    return re.findall(r"[\w-]+\.[\w-]+\.[\w-]+", said)


def decoded(part: str) -> bytes:
    """Decode base64url, however it is padded and whatever the last bits are."""
    return base64.urlsafe_b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4))


GUARDED = ("/model-status", "/api/v1/model-status", "/metrics", "/livez", "/readyz")


def passes_a_guard_of_raw_addresses(path: str) -> bool:
    """Whether an address reaches what is guarded, if the guard reads it as it was sent and the routes do not.

    The routes see it without parameters and escapes, its dots and slashes resolved, whatever its capitals.
    """
    plain = re.sub(r";[^/]*", "", unquote(path).replace("\\", "/")).rstrip("\0 ")
    tidied = "/" + posixpath.normpath(plain).lstrip("/").lower()
    return tidied in GUARDED and not path.startswith(GUARDED)


@contextmanager
def lenient_server() -> Iterator[int]:
    """Serve with h11 and nothing before it; every request is answered with what it asked for. Its port.

    Pages of all origins may read it, and an error shows where it happened.
    """

    async def echo(request: Request) -> Response:
        body = await request.body()
        said: dict[str, Any] = {"path": request.url.path, "body": body.decode("latin-1")[:100]}
        said["role"] = request.headers.get("x-user-role") or request.headers.get("x_user_role")
        said["method"] = request.headers.get("x-http-method-override") or request.method
        said["token"] = request.query_params.get("access_token") or request.cookies.get("access_token")
        if request.url.path == "/fails":
            raise RuntimeError("of the inside")
        return JSONResponse(said, headers={"X-Request-Id": request.headers.get("x-request-id", "")[:50]})

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]
    anybody = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], allow_credentials=True
    )
    routes = [Route("/{rest:path}", echo, methods=methods)]
    app = Starlette(debug=True, routes=routes, middleware=[anybody])
    config = uvicorn.Config(app, port=0, http="h11", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ends = time.monotonic() + 20
    while not server.started and time.monotonic() < ends:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def workers_server(workers: int) -> Iterator[int]:
    """Serve with so many workers, each of which waits for one request for as long as it takes. Its port."""
    over = threading.Event()

    def work(listening: socket.socket) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                link, _ = listening.accept()
                with link, link.makefile("rb") as lines:
                    while lines.readline() not in (b"\r\n", b""):
                        pass
                    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        for _ in range(workers):
            threading.Thread(target=work, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        over.set()
