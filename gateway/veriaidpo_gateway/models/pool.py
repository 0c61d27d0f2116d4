"""Connections to predictors: kept for the next call, bounded in number and time, and to nowhere but there.

Why aiohttp: docs/design/2026-11-24-clients-of-the-gateway.md.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from yarl import URL

from veriaidpo_gateway.outgoing import is_plain, open_session

MOST_BYTES = 8 * 1024 * 1024
"""Of an answer. 32 texts of 4,000 characters, every other one of them a name, come back as half of it."""

AT_ONCE = 128
"""Calls to one model at a time. One that never answers takes as many, and none of another model's."""

_NO_FURTHER_BOUND = 0
"""For the client's own limit, which all models would share; who waits there cannot tell whose fault it is."""

_PLACE_SECONDS = 2.0
"""To wait for the end of one of those calls, where so many are under way."""

_KEPT_SECONDS = 4.0
"""Predictors drop an idle connection after five."""

CALLS_TO_A_NEW_ONE = 100
"""Of so many calls to an address the last ends its connection, and the next is over a new one.

A connection leads to one predictor for as long as it is kept, under load for ever: one that an autoscaler
added would be asked by no gateway that has its connections already.
"""

_ENDS = {"Connection": "close"}

_CONNECT_SECONDS = 2.0
"""To reach a predictor; it is in the same cluster."""


class BusyError(Exception):
    """As many calls to this model were under way as may be, and none ended in time: nothing was sent."""


class NoAnswerError(Exception):
    """There was no answer, or not the whole of one: the text is the kind of trouble."""


class SilentError(Exception):
    """The time was up before the answer was there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a predictor answered."""

    status: int
    body: bytes
    retry_after: str | None = None


class Post(Protocol):
    """Sends a body to an address and waits for the answer at most `seconds`."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Reply:
        """Return the answer; BusyError, NoAnswerError, SilentError, or ValueError for one not to be taken."""


@asynccontextmanager
async def open_pool() -> AsyncIterator[Post]:
    """Open a pool: each address that is asked has places of its own, however many models there are."""
    async with open_session(connections=_NO_FURTHER_BOUND, kept_seconds=_KEPT_SECONDS) as session:
        yield _Pool(session)


class _Pool:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._places: dict[str, asyncio.Semaphore] = {}
        self._calls: Counter[str] = Counter()

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Reply:
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        async with self._place(url, seconds):
            self._calls[url] += 1
            if self._calls[url] % CALLS_TO_A_NEW_ONE == 0:
                headers = {**headers, **_ENDS}
            return await self._ask(url, body, headers, ends - loop.time())

    @asynccontextmanager
    async def _place(self, url: str, seconds: float) -> AsyncIterator[None]:
        places = self._places.setdefault(url, asyncio.Semaphore(AT_ONCE))
        try:
            # At most half of the time there is: its end would be taken for the model's fault.
            async with asyncio.timeout(min(seconds / 2, _PLACE_SECONDS)):
                await places.acquire()
        except TimeoutError as error:
            raise BusyError from error
        try:
            yield
        finally:
            places.release()

    async def _ask(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(seconds, _CONNECT_SECONDS))
        try:
            # The address is ours, and written as it has to be sent.
            async with self._session.post(
                URL(url, encoded=True), data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Reply(response.status, await _body(response), response.headers.get("Retry-After"))
        except aiohttp.ConnectionTimeoutError as error:
            raise NoAnswerError("connect timeout") from error
        except TimeoutError as error:
            raise SilentError from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(type(error).__name__) from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    if not is_plain(response):
        raise ValueError("a compressed answer, which was not asked for")
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MOST_BYTES:
            response.close()
            raise ValueError("an answer of no sensible size")
    return bytes(data)
