"""The two ways to a gateway: directly, and through the ingress of a cluster where it is installed."""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import httpx

from ...e2e import cluster
from ...e2e.conftest import token
from ...forging import part
from ...integration.gateway_process import SECRET
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
    key: bytes = field(default=SECRET.encode(), repr=False)
    """What the gateway behind it signs tokens of users with."""

    def lets_in(self, value: str) -> bool:
        """Whether a token opens a route, or breaks the gateway. A true signature is made with its key."""
        return let_in(self.client, self.resigned(value))

    def resigned(self, value: str) -> str:
        """Sign anew what has a true signature of the tests' own key; any other token is as it was."""
        signed, _, signature = value.rpartition(".")
        for digest in (hashlib.sha256, hashlib.sha384, hashlib.sha512):
            if signature and signature == part(hmac.digest(SECRET.encode(), signed.encode(), digest)):
                return f"{signed}.{part(hmac.digest(self.key, signed.encode(), digest))}"
        return value

    def row(self, vector: str) -> str:
        """Name the row of a vector that came this way."""
        return vector + self.suffix

    def send(self, data: bytes, *, seconds: float = 1.0) -> Said:
        """Send bytes; what they call host x is the gateway."""
        named = data.replace(b"Host: x\r\n", f"Host: {self.host}\r\n".encode())
        return send(self.address[1], named, host=self.address[0], seconds=seconds)


def let_in(client: httpx.Client, value: str) -> bool:
    """Whether a token opens a route, or breaks what answers."""
    try:
        answer = client.get("/model-status", headers={b"Authorization": b"Bearer " + value.encode()})
    except httpx.TransportError:
        return False  # dropped before it was read
    return answer.status_code < 400 or answer.status_code >= 500


@contextmanager
def through_the_ingress() -> Iterator[Entrance]:
    """Open the way through the ingress of the cluster that KUBECONFIG and INGRESS name."""
    url = httpx.URL(os.environ["INGRESS"])
    headers = {"Host": cluster.HOST}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=40) as client:
        address = (url.host, url.port or 80)
        yield Entrance("@ingress", client, address, cluster.HOST, _bearer, _log, _key())


def _bearer(role: str = "admin", **_: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {_token(role)}"}


_token = cache(token)


def _key() -> bytes:
    return base64.b64decode(cluster.get("secret", "veriaidpo-gateway")["data"]["jwt-secret-key"])


def _log() -> str:
    return cluster.kubectl("logs", "-l", "app.kubernetes.io/component=gateway", "--tail=-1")
