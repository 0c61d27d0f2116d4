"""The Model resources of a namespace, listed once and watched from there. Read-only: get, list and watch.

The API server may be away, forget how far we were (410), or close the connection at any time: the last good
routes stay, and we ask again with growing pauses.
"""

import asyncio
import json
import logging
import os
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.models.routes import Routes
from veriaidpo_gateway.models.sources import models_from
from veriaidpo_gateway.outgoing import open_session

GROUP_VERSION = "veriaidpo.verisyntra.vn/v1alpha1"

_ANSWER_SECONDS = 10.0
_WATCH_SECONDS = 60
_QUIET_SECONDS = 75
"""Longer than a watch lasts: a connection that says nothing for so long is dead."""
_LONGEST_PAUSE = 15.0
_LASTING_SECONDS = 1.0
"""A watch that ends sooner is begun again after a pause only, whatever ended it."""

_log = logging.getLogger(__name__)


class _StaleError(Exception):
    """The API server no longer knows the version we were at: list again."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """How to reach the API server: its address and the mounted credentials."""

    server: str
    folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")

    def token(self) -> str:
        """Read the token of now; Kubernetes renews the file."""
        return (self.folder / "token").read_text(encoding="ascii").strip()

    def http_client(self) -> aiohttp.ClientSession:
        """Open a client that trusts the cluster's own CA only."""
        authority = self.folder / "ca.crt"
        trust = ssl.create_default_context(cafile=str(authority)) if authority.exists() else True
        timeout = aiohttp.ClientTimeout(sock_connect=_ANSWER_SECONDS, sock_read=_QUIET_SECONDS)
        return open_session(base_url=self.server, trust=trust, timeout=timeout)


def in_cluster(environ: Mapping[str, str] = os.environ) -> ServiceAccount:
    """Find the account of this pod; InvalidSettingsError outside a cluster."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise InvalidSettingsError(
            "KUBERNETES_NAMESPACE works inside a cluster only; set ROUTES_FILE elsewhere"
        )
    return ServiceAccount(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")


class WatchSource:
    """The Models of one namespace, as the API server tells them."""

    kind = "watch"

    def __init__(
        self,
        account: ServiceAccount,
        http: aiohttp.ClientSession,
        namespace: str,
        *,
        first_pause: float = 0.5,
    ) -> None:
        self._account, self._http, self._first_pause = account, http, first_pause
        self._path = f"/apis/{GROUP_VERSION}/namespaces/{namespace}/models"
        self._resources: dict[str, Mapping[str, Any]] = {}
        self._routes: Routes | None = None
        self.connected = False
        self.changed = asyncio.Event()
        """Set at every new table; for whoever waits for one."""

    def current(self) -> Routes | None:
        """Return the last good table."""
        return self._routes

    async def run(self) -> None:
        """List and watch until cancelled."""
        version: str | None = None
        pause = self._first_pause
        while True:
            begun = time.monotonic()
            try:
                version = await self._watch(version or await self._list())
            except _StaleError:
                _log.info("the watch on models is too old: listing again")
                version = None
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                self._lost(error)
                version = None
            if time.monotonic() - begun >= _LASTING_SECONDS:
                pause = self._first_pause
                if version is not None:
                    continue  # it came to its end, as every watch does
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _list(self) -> str:
        soon = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with self._http.get(
            self._path, headers=self._headers(), timeout=soon, allow_redirects=False
        ) as response:
            _check(response)
            listed = json.loads(await response.read())
        version = str(listed["metadata"]["resourceVersion"])
        self._resources = {item["metadata"]["name"]: item for item in listed["items"]}
        self._publish()
        return version

    async def _watch(self, version: str) -> str:
        """Follow events until the server ends the watch; return the version to go on from."""
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        async with self._http.get(
            self._path, params=query, headers=self._headers(), allow_redirects=False
        ) as response:
            if response.status == 410:
                raise _StaleError
            _check(response)
            async for line in response.content:
                if line.strip():
                    version = self._take(json.loads(line)) or version
        return version

    def _take(self, event: Mapping[str, Any]) -> str | None:
        kind, resource = event["type"], event["object"]
        if kind == "ERROR":
            if resource.get("code") == 410:
                raise _StaleError
            raise ValueError("the watch ended with an error")
        metadata = resource["metadata"]
        if kind == "DELETED":
            self._resources.pop(metadata["name"], None)
        elif kind in ("ADDED", "MODIFIED"):
            self._resources[metadata["name"]] = resource
        if kind != "BOOKMARK":
            self._publish()
        return str(metadata["resourceVersion"])

    def _publish(self) -> None:
        if not self.connected:
            _log.info("models are being watched: %d", len(self._resources))
        self._routes, self.connected = Routes(models_from(self._resources.values())), True
        self.changed.set()

    def _lost(self, error: Exception) -> None:
        if self.connected or self._routes is None:
            _log.warning("models cannot be watched just now, keeping what is known: %s", type(error).__name__)
        self.connected = False

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._account.token()}", "Accept": "application/json"}


def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise ValueError(f"the answer is a {response.status}")
