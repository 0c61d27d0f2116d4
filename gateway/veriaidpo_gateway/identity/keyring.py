"""All keys that callers' tokens may be signed with: our own secrets, and those somebody else publishes.

A set at an address is fetched again every minute, and once more when a token names a key that is not in it
yet: the token waits for that, so an issuer may sign with a new key at once. Tokens that name keys nobody has
cause one fetch a minute at most. A set that cannot be fetched or trusted leaves the last good one in place.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from types import MappingProxyType

from starlette.types import ASGIApp, Receive, Scope, Send

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.exchange import SCOPE_KEY
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.identity import jwks, tokens
from veriaidpo_gateway.identity.keys import Keys, followed_keys
from veriaidpo_gateway.outgoing import is_plain, open_session
from veriaidpo_gateway.token_settings import TokenSettings

EVERY = 60.0
"""Seconds between two fetches, and between two that unknown names cause."""

EVERY_AT_FIRST = 5.0
"""Seconds between two fetches while there has never been a good one."""

PATIENCE = 5.0
"""Seconds a fetch may take in all."""

_log = logging.getLogger(__name__)

Fetch = Callable[[], Awaitable[bytes]]


class RemoteKeys:
    """The last good set of an address. Fetches one at a time; whoever needs it waits for the same one."""

    def __init__(
        self, fetch: Fetch, parse: Callable[[bytes], Keys], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch, self._parse, self._clock = fetch, parse, clock
        self._under_way: asyncio.Task[None] | None = None
        self._asked_for = float("-inf")
        self.keys: Keys = MappingProxyType({})
        self.fresh = False
        """Whether the last fetch brought a good set."""

    @property
    def loaded(self) -> bool:
        """Whether there has been a good set."""
        return bool(self.keys)

    @property
    def every(self) -> float:
        """Seconds until the next fetch."""
        return EVERY if self.loaded else EVERY_AT_FIRST

    async def refresh(self) -> None:
        """Fetch the set; never raises."""
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._replace())
        # A caller that goes away takes the fetch from nobody else.
        await asyncio.shield(self._under_way)

    async def know(self, kid: str) -> None:
        """Wait until that key is there, as far as a fetch can help."""
        if kid not in self.keys and self._under_way is not None:
            await self.refresh()
        now = self._clock()
        if kid not in self.keys and now - self._asked_for >= EVERY:
            self._asked_for = now
            await self.refresh()

    async def _replace(self) -> None:
        trouble = ""
        try:
            async with asyncio.timeout(PATIENCE):
                self.keys = self._parse(await self._fetch())
        except ValueError as error:
            trouble = str(error)  # our own words, or JSON's about a position: nothing of the set itself
        except Exception as error:  # noqa: BLE001  whatever an issuer does, tokens of known keys stay good
            trouble = type(error).__name__
        finally:
            self._under_way = None
        self.fresh = not trouble
        if trouble:
            _log.warning("JWKS_URL: kept the last good key set: %s", trouble)


class KeyRing:
    """The keys of now. `remote` is what has to be refreshed, where keys come from an address."""

    def __init__(
        self, secrets: Callable[[], Keys], published: Callable[[], Keys], remote: RemoteKeys | None
    ) -> None:
        self._secrets, self._published, self.remote = secrets, published, remote

    def __call__(self) -> Keys:
        """Return every key by its kid; our own secret wins over a published key of the same name."""
        published = self._published()
        return {**published, **self._secrets()} if published else self._secrets()

    @property
    def complete(self) -> bool:
        """Whether a token can be judged: not before the first set was fetched."""
        return self.remote is None or self.remote.loaded

    def state(self) -> dict[str, str]:
        """Tell health how the keys are: degraded while an issuer gives none, unhealthy before the first."""
        if self.remote is None:
            return {"status": "healthy", "kind": "embedded"}
        held = "degraded" if self.remote.loaded else "unhealthy"
        return {"status": "healthy" if self.remote.fresh else held, "kind": "issuer"}


class AwaitKeys:
    """Lets a request in when the key that its token names is there, or cannot be had. Pure ASGI."""

    def __init__(self, app: ASGIApp, ring: KeyRing, remote: RemoteKeys) -> None:
        self._app, self._ring, self._remote = app, ring, remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            kid = tokens.unverified_kid(scope[SCOPE_KEY].authorization)
            if kid is not None and kid not in self._ring():
                await self._remote.know(kid)
        await self._app(scope, receive, send)


def _none() -> Keys:
    return MappingProxyType({})


def key_ring(settings: TokenSettings, fetch: Fetch | None = None) -> KeyRing:
    """Put the keys together; InvalidSettingsError when a file cannot be used. Nothing is fetched yet."""
    secrets = followed_keys(settings) if "HS256" in settings.algorithms else _none

    def parse(data: bytes) -> Keys:
        return jwks.keys_from_set(data, settings.algorithms)

    if settings.jwks_file is not None:
        try:
            followed = Followed(settings.jwks_file, parse)
        except OSError as error:
            raise InvalidSettingsError("JWKS_FILE: the file cannot be read") from error
        except ValueError as error:
            raise InvalidSettingsError(f"JWKS_FILE: {error}") from error
        return KeyRing(secrets, lambda: followed.value, None)
    if settings.jwks_url is not None:
        remote = RemoteKeys(fetch or over_http(settings.jwks_url), parse)
        return KeyRing(secrets, lambda: remote.keys, remote)
    return KeyRing(secrets, _none, None)


def over_http(url: str) -> Fetch:
    """Fetch from an address: no redirects, no proxies, nothing compressed, never more than a set may have.

    Certificates are checked against SSL_CERT_FILE where it is set, else against the usual authorities.
    """
    headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
    trust = ssl.create_default_context()

    async def fetch() -> bytes:
        async with (
            open_session(trust=trust, headers=headers) as http,
            http.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ValueError(f"the answer is a {response.status}")
            if not is_plain(response):
                raise ValueError("the answer is compressed")
            data = bytearray()
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > jwks.MOST_BYTES:
                    raise ValueError(f"a key set has at most {jwks.MOST_BYTES} bytes")
            return bytes(data)

    return fetch
