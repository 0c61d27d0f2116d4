"""Connections to the very address that was looked at: a name may mean another one the next moment."""

import socket
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path

import httpx

from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.outcome import FetchError, Reason

Resolve = Callable[[str, int], list[str]]


class Vetted(httpx.BaseTransport):
    """Looks a host up, holds each of its addresses against what is allowed, and connects to one of those.

    Where the environment names a proxy (HTTPS_PROXY, NO_PROXY ...), the proxy looks names up and has to keep
    from what it should not reach; an address in place of a name is still held against what is allowed.
    """

    def __init__(self, allowed: Allowed, *, context: ssl.SSLContext, resolve: Resolve | None = None) -> None:
        self._allowed = allowed
        self._context = context
        self._resolve = resolve or addresses_of
        self._proxies = urllib.request.getproxies()
        # One for each host: connections are kept by address, and two hosts may share theirs.
        self._transports: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to where it may go; raises FetchError where it may not."""
        host, scheme = request.url.host, request.url.scheme
        proxy = self._proxies.get(scheme)
        if proxy and not urllib.request.proxy_bypass(host):
            if _is_address(host):
                self._allowed.check_address(host, host)
            return self._transport(f"{scheme} by {proxy}", proxy).handle_request(request)
        try:
            found = self._resolve(host, request.url.port or (443 if scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} is not known") from error
        for address in found:
            self._allowed.check_address(host, address)
        return self._connect(request, host, found)

    def _connect(self, request: httpx.Request, host: str, found: list[str]) -> httpx.Response:
        failure: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        for address in found:
            there = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # its Host is the name
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return self._transport(host).handle_request(there)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure

    def _transport(self, key: str, proxy: str | None = None) -> httpx.HTTPTransport:
        if key not in self._transports:
            self._transports[key] = httpx.HTTPTransport(verify=self._context, proxy=proxy, trust_env=False)
        return self._transports[key]

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Give the certificates that servers are believed by: the public ones, and those of a file (PEM)."""
    context = httpx.create_ssl_context()
    if ca_file:
        try:
            context.load_verify_locations(cadata=Path(ca_file).read_text(encoding="ascii"))
        except (OSError, ssl.SSLError, ValueError):
            raise FetchError(
                Reason.INVALID_SPEC, "The CA bundle of the source cannot be read as PEM."
            ) from None
    return context


def addresses_of(host: str, port: int) -> list[str]:
    """Look up the addresses of a host; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_address(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True
