"""How the gateway calls others over HTTP: whoever it asks cannot send it elsewhere, nor make much of little.

No proxy or password of the environment, no cookie; nothing compressed is asked for, and none is unpacked.
What cannot be said here, and has to be with each call, is `allow_redirects=False`.
"""

import ssl
from collections.abc import Mapping
from types import MappingProxyType

import aiohttp

_LINE_BYTES = 4 * 1024 * 1024
"""A line of a stream may have twice as many: a Model resource with all that the API server keeps about it."""

_TIMEOUT = aiohttp.ClientTimeout(total=30)


def open_session(
    *,
    base_url: str | None = None,
    timeout: aiohttp.ClientTimeout = _TIMEOUT,
    trust: ssl.SSLContext | bool = True,
    connections: int = 16,
    kept_seconds: float = 15.0,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> aiohttp.ClientSession:
    """Open a client with at most so many connections (0: any number), each kept for so long while idle."""
    connector = aiohttp.TCPConnector(
        limit=connections,
        keepalive_timeout=kept_seconds,
        ssl=trust,
        # A new connection may have to go to a pod that is there since a moment ago.
        use_dns_cache=False,
    )
    return aiohttp.ClientSession(
        base_url,
        connector=connector,
        timeout=timeout,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        read_bufsize=_LINE_BYTES,
    )


def is_plain(response: aiohttp.ClientResponse) -> bool:
    """Whether the body is what it seems to be, and not a compressed one."""
    return bool(response.headers.get("Content-Encoding", "identity") == "identity")
