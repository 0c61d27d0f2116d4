"""A client of the Hugging Face hub's protocol: what a repository holds, and a file's bytes from any offset.

The token goes to the hub's own address and nowhere else: large files are redirected to hosts of other people.
"""

import email.utils
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from veriaidpo_predictor.outcome import FetchError, Reason

log = logging.getLogger("veriaidpo.hub")

_MAX_REDIRECTS = 5
_MAX_LISTING_BYTES = 32 << 20
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class PassingError(Exception):
    """A failure that another try may not meet; `wait` is what the hub asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try without getting a byte further, and how long to wait in between, in seconds."""

    attempts: int = 7
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failure: PassingError, failures: int) -> None:
        """Wait before the next try; raises FetchError when it was the last one."""
        if failures >= self.attempts:
            raise FetchError(Reason.SOURCE_UNREACHABLE, f"{failure} ({failures} attempts).") from failure
        own = random.uniform(0.5, 1.0) * self.first_wait * 2 ** (failures - 1)
        seconds = min(self.longest_wait, max(own, failure.wait or 0.0))
        log.warning("%s; trying again", failure, extra={"attempt": failures, "seconds": round(seconds, 1)})
        self.sleep(seconds)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; the hub gives sha256 for large files and git's blob id for the others."""

    path: str
    size: int
    sha256: str | None
    blob_id: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at a commit."""

    commit: str
    files: tuple[HubFile, ...]


class Hub:
    """Raises FetchError for what no other try will mend, and once patience is at an end."""

    def __init__(self, endpoint: str, *, token: str | None, patience: Patience, client: httpx.Client) -> None:
        self._endpoint = httpx.URL(endpoint.rstrip("/"))
        if self._endpoint.scheme not in {"http", "https"} or not self._endpoint.host:
            raise FetchError(Reason.INVALID_SPEC, "HF_ENDPOINT is not an http or https address.")
        self._token = token
        self._client = client
        self.patience = patience

    def listing(self, repo: str, revision: str) -> Listing:
        """Resolve a branch, tag or commit, and list its files."""
        path = f"/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true"
        failures = 0
        while True:
            try:
                with self._get(path, {}) as response:
                    return _listing(_bounded(response))
            except PassingError as error:
                failures += 1
                self.patience.wait(error, failures)

    @contextmanager
    def bytes_from(
        self, repo: str, commit: str, path: str, offset: int
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a file at an offset; gives where its bytes begin (0 where ranges are not served) and them.

        Raises PassingError as well: only the caller knows how far it came.
        """
        headers = {"range": f"bytes={offset}-"} if offset else {}
        with self._get(f"/{repo}/resolve/{commit}/{quote(path)}", headers) as response:
            start = _start(response) if response.status_code == 206 else 0
            if start not in {0, offset}:
                raise PassingError("The hub sent another part of a file than was asked for")
            yield start, _chunks(response)

    @contextmanager
    def _get(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Follow redirects by hand, so that the token stays at home."""
        url = httpx.URL(f"{self._endpoint}{path}")
        for _ in range(_MAX_REDIRECTS + 1):
            request = self._client.build_request("GET", url, headers=self._headers(url, headers))
            try:
                response = self._client.send(request, stream=True, follow_redirects=False)
            except httpx.TransportError as error:
                raise PassingError(
                    f"The hub at {url.host} cannot be reached ({type(error).__name__})"
                ) from error
            if not response.has_redirect_location:
                with _closing(response):
                    _check(response)
                    yield response
                return
            response.close()
            target = url.join(response.headers["location"])
            if target.scheme not in {"http", "https"} or (url.scheme == "https" and target.scheme == "http"):
                raise FetchError(
                    Reason.SOURCE_REFUSED, "The hub redirects to an address that is not safe to follow."
                )
            url = target
        raise FetchError(Reason.SOURCE_REFUSED, "The hub redirects in a circle.")

    def _headers(self, url: httpx.URL, headers: Mapping[str, str]) -> dict[str, str]:
        home = (url.scheme, url.host, url.port) == (
            self._endpoint.scheme,
            self._endpoint.host,
            self._endpoint.port,
        )
        mine = {"authorization": f"Bearer {self._token}"} if self._token and home else {}
        return {"accept-encoding": "identity", "user-agent": "veriaidpo-predictor", **headers, **mine}


@contextmanager
def _closing(response: httpx.Response) -> Iterator[None]:
    """Close the answer, and name what breaks while it is read."""
    try:
        yield
    except httpx.TransportError as error:
        raise PassingError(f"The hub broke off ({type(error).__name__})") from error
    finally:
        response.close()


def _check(response: httpx.Response) -> None:
    """Turn a status into what it means for a fetch."""
    status, code = response.status_code, response.headers.get("x-error-code", "")
    if status in {200, 206}:
        return
    if status in _PASSING:
        raise PassingError(f"The hub answered {status}", _retry_after(response))
    if status == 416:
        raise PassingError("The hub has less of the file than is already here")
    if status in {401, 403}:
        hint = "it is private, gated, or not there" if code else "the token is not accepted"
        raise FetchError(
            Reason.SOURCE_UNAUTHORIZED, f"The hub refuses access to the source ({status}): {hint}."
        )
    if status == 404:
        missing = {"RevisionNotFound": "revision", "EntryNotFound": "file"}.get(code, "repository")
        raise FetchError(Reason.SOURCE_NOT_FOUND, f"The hub does not have this {missing}.")
    raise FetchError(Reason.SOURCE_UNREACHABLE, f"The hub answered {status}, which is not its protocol.")


def _bounded(response: httpx.Response) -> Any:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _MAX_LISTING_BYTES:
            raise FetchError(Reason.SOURCE_REFUSED, "The hub's list of files is too long.")
    try:
        return httpx.Response(200, content=bytes(body)).json()
    except ValueError:
        raise PassingError("The hub answered something that is not its protocol") from None


def _listing(body: Any) -> Listing:
    try:
        files = tuple(
            HubFile(
                path=str(one["rfilename"]),
                size=int((one.get("lfs") or one)["size"]),
                sha256=(one.get("lfs") or {}).get("sha256"),
                blob_id=one.get("blobId"),
            )
            for one in body["siblings"]
        )
        return Listing(commit=str(body["sha"]), files=files)
    except (KeyError, TypeError, ValueError):
        raise PassingError("The hub answered something that is not its protocol") from None


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """Pass the bytes on as they come: a chunk that is being filled would be lost when the hub breaks off."""
    yield from response.iter_raw()


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
