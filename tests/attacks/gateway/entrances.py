"""The two ways to a gateway: directly, and through the ingress of a cluster where it is installed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import httpx

from ...e2e import cluster
from ...e2e.conftest import token
from .wire import Said, send

INSTALLED = bool(os.environ.get("INGRESS") and os.environ.get("KUBECONFIG"))
"""Whether a cluster is named; the release in it is the end-to-end suite's."""


@dataclass(frozen=True)
class Entrance:
    """A client that adds nothing, good tokens, and raw bytes sent to where the client goes."""

    suffix: str
    client: httpx.Client
    address: tuple[str, int]
    host: str
    bearer: Callable[..., dict[str, str]]
    log: Callable[[], str]

    def row(self, vector: str) -> str:
        """Name the row of a vector that came this way."""
        return vector + self.suffix

    def send(self, data: bytes, *, seconds: float = 1.0) -> Said:
        """Send bytes; what they call host x is the gateway."""
        named = data.replace(b"Host: x\r\n", f"Host: {self.host}\r\n".encode())
        return send(self.address[1], named, host=self.address[0], seconds=seconds)


@contextmanager
def through_the_ingress() -> Iterator[Entrance]:
    """Open the way through the ingress of the cluster that KUBECONFIG and INGRESS name."""
    url = httpx.URL(os.environ["INGRESS"])
    headers = {"Host": cluster.HOST}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=40) as client:
        yield Entrance("@ingress", client, (url.host, url.port or 80), cluster.HOST, _bearer, _log)


def _bearer(role: str = "admin", **_: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {_token(role)}"}


_token = cache(token)


def _log() -> str:
    return cluster.kubectl("logs", "-l", "app.kubernetes.io/component=gateway", "--tail=-1")
