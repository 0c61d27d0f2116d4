"""GET and HEAD for sources: redirects by hand, statuses to what they mean, bodies that may break off."""

import email.utils
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx

from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.source import PassingError
from veriaidpo_predictor.outcome import FetchError, Reason

_MAX_REDIRECTS = 5
_MAX_BODY_BYTES = 32 << 20
_PASSING = {408, 425, 429, 500, 502, 503, 504}

Sign = Callable[[httpx.Request], None]
"""Adds the headers that prove who asks; it sees the request of each redirect, and adds none for strangers."""


def nobody(_: httpx.Request) -> None:
    """Prove nothing."""


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether two addresses are of one server."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def bearer(token: str | None, home: httpx.URL) -> Sign:
    """Prove who asks by a token, to the server at `home` and to nobody else."""

    def sign(request: httpx.Request) -> None:
        if token and same_origin(request.url, home):
            request.headers["authorization"] = f"Bearer {token}"

    return sign


class Wire:
    """Asks only what is allowed. `who` begins sentences on whoever answers; `missing` is what 404 means."""

    def __init__(
        self, client: httpx.Client, *, allowed: Allowed, who: str = "The source", missing: str = "file"
    ) -> None:
        self._client = client
        self._allowed = allowed
        self._who = who
        self._missing = missing

    @contextmanager
    def ask(
        self,
        url: httpx.URL,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        sign: Sign = nobody,
    ) -> Iterator[httpx.Response]:
        """Open an answer; raises PassingError for what may pass, and FetchError."""
        for _ in range(_MAX_REDIRECTS + 1):
            self._allowed.check(url)
            sent = {"accept-encoding": "identity", "user-agent": "veriaidpo-predictor", **(headers or {})}
            request = self._client.build_request(method, url, headers=sent)
            sign(request)
            try:
                response = self._client.send(request, stream=True, follow_redirects=False)
            except httpx.TransportError as error:
                raise PassingError(
                    f"{self._who} at {url.host} cannot be reached ({type(error).__name__})"
                ) from error
            if not response.has_redirect_location:
                with self._closing(response):
                    self._check(response)
                    yield response
                return
            response.close()
            url = self._target(url, response.headers["location"])
        raise FetchError(Reason.SOURCE_REFUSED, f"{self._who} redirects in a circle.")

    def body(self, url: httpx.URL, *, sign: Sign = nobody) -> bytes:
        """Read a whole answer of at most 32 MiB."""
        found = bytearray()
        with self.ask(url, sign=sign) as response:
            for chunk in response.iter_raw():
                found += chunk
                if len(found) > _MAX_BODY_BYTES:
                    raise FetchError(Reason.SOURCE_REFUSED, f"{self._who}'s list of files is too long.")
        return bytes(found)

    @contextmanager
    def bytes_from(
        self, url: httpx.URL, offset: int, *, etag: str = "", sign: Sign = nobody
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a file as Source.bytes_from does; one that has another `etag` by now is refused."""
        headers = {"range": f"bytes={offset}-"} if offset else {}
        if etag:
            headers["if-match"] = etag
        with self.ask(url, headers=headers, sign=sign) as response:
            start = _start(response) if response.status_code == 206 else 0
            if start not in {0, offset}:
                raise PassingError(f"{self._who} sent another part of a file than was asked for")
            # As they come: a chunk that is being filled would be lost when the source breaks off.
            yield start, response.iter_raw()

    def _target(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            target = url.join(location)
        except (httpx.InvalidURL, ValueError):
            target = httpx.URL("invalid:")
        if target.scheme not in {"http", "https"} or (url.scheme == "https" and target.scheme == "http"):
            raise FetchError(
                Reason.SOURCE_REFUSED, f"{self._who} redirects to an address that is not safe to follow."
            )
        return target

    @contextmanager
    def _closing(self, response: httpx.Response) -> Iterator[None]:
        """Close the answer, and name what breaks while it is read."""
        try:
            yield
        except httpx.TransportError as error:
            raise PassingError(f"{self._who} broke off ({type(error).__name__})") from error
        finally:
            response.close()

    def _check(self, response: httpx.Response) -> None:
        """Turn a status into what it means for a fetch."""
        status, code, who = response.status_code, response.headers.get("x-error-code", ""), self._who
        if status in {200, 206}:
            return
        if status in _PASSING:
            raise PassingError(f"{who} answered {status}", _retry_after(response))
        if status == 412:
            raise FetchError(Reason.SOURCE_UNREACHABLE, "The source was changed while it was fetched.")
        if status == 416:
            raise PassingError(f"{who} has less of the file than is already here")
        if status in {401, 403}:
            hint = "it is private, gated, or not there" if code else "the credentials are not accepted"
            raise FetchError(
                Reason.SOURCE_UNAUTHORIZED, f"{who} refuses access to the source ({status}): {hint}."
            )
        if status == 404:
            missing = {"RevisionNotFound": "revision", "EntryNotFound": "file"}.get(code, self._missing)
            raise FetchError(Reason.SOURCE_NOT_FOUND, f"{who} does not have this {missing}.")
        if region := response.headers.get("x-amz-bucket-region"):
            raise FetchError(Reason.SOURCE_NOT_FOUND, f"The bucket is in another region: {region[:40]}.")
        raise FetchError(Reason.SOURCE_UNREACHABLE, f"{who} answered {status}, which is not its protocol.")


def _start(response: httpx.Response) -> int:
    """Read the first byte's number out of `bytes 5-9/10`."""
    first = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


def _retry_after(response: httpx.Response) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    given = response.headers.get("retry-after", "")
    if given.isdecimal():
        return float(given)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None
