"""A server without the defences: what the controls of the attacks are put to.

It believes a token's header about how to check the token, and other headers about who somebody is, and reads
HTTP with a lenient parser.
"""

import base64
import hashlib
import hmac
import json
import posixpath
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
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
    """Serve with h11 and nothing before it; every request is answered with what it asked for. Its port."""

    async def echo(request: Request) -> Response:
        body = await request.body()
        said: dict[str, Any] = {"path": request.url.path, "body": body.decode("latin-1")[:100]}
        said["role"] = request.headers.get("x-user-role") or request.headers.get("x_user_role")
        said["method"] = request.headers.get("x-http-method-override") or request.method
        said["token"] = request.query_params.get("access_token") or request.cookies.get("access_token")
        return JSONResponse(said, headers={"X-Request-Id": request.headers.get("x-request-id", "")[:50]})

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]
    app = Starlette(routes=[Route("/{rest:path}", echo, methods=methods)])
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
