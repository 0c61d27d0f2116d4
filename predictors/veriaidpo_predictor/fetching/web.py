"""https://: files on any web server, each of them with its digest.

The digests are the spec's, for an address that ends in a slash; any other address is that of a list of them,
in the format of `sha256sum`, beside the files.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from urllib.parse import quote

import httpx

from veriaidpo_predictor.fetching import selection
from veriaidpo_predictor.fetching.source import (
    MOST_FILES,
    Listing,
    PassingError,
    Patience,
    SourceFile,
    commit_of,
)
from veriaidpo_predictor.fetching.spec import PinnedFile
from veriaidpo_predictor.fetching.wire import Wire, bearer
from veriaidpo_predictor.outcome import FetchError, Reason

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?:\./)?(?P<path>\S.*)")


class Web:
    """The files below one address. A token goes to its own server and nowhere else."""

    def __init__(
        self, uri: str, *, pins: Sequence[PinnedFile], token: str | None, patience: Patience, wire: Wire
    ) -> None:
        self._url = httpx.URL(uri)
        self._listed = not uri.endswith("/")
        self._pins = {pin.path: pin.sha256 for pin in pins}
        if not self._listed and not pins:
            raise FetchError(
                Reason.INVALID_SPEC,
                "A web server needs each file's digest, in source.files or in a list at its address.",
            )
        self._sign = bearer(token, self._url)
        self._wire = wire
        self.patience = patience

    @property
    def known(self) -> str | None:
        """What the spec's digests say."""
        return None if self._listed else commit_of(self._pins.items())

    def listing(self) -> Listing:
        """Read the list, if there is one, and ask how long each file is."""
        digests = self.patience.until(self._digests) if self._listed else self._pins
        files = tuple(self._file(path, digests[path]) for path in sorted(digests))
        return Listing(commit=commit_of(digests.items()), files=files)

    def bytes_from(
        self, file: SourceFile, offset: int
    ) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file at an offset."""
        return self._wire.bytes_from(httpx.URL(file.address), offset, sign=self._sign)

    def _digests(self) -> dict[str, str]:
        text = self._wire.body(self._url, sign=self._sign).decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > MOST_FILES:
            raise FetchError(Reason.SOURCE_REFUSED, "There are too many files in the list of the source.")
        found = [_LINE.fullmatch(line) for line in lines]
        if not found or None in found:
            raise PassingError("What is at the source's address is not a list as sha256sum makes it")
        return {match["path"]: match["sha256"] for match in found if match is not None}

    def _file(self, path: str, sha256: str) -> SourceFile:
        """Describe a file; of one that is never fetched nothing is asked."""
        if not selection.is_known(path):
            return SourceFile(path, 0, sha256)
        url = self._url.join(quote(path))
        return SourceFile(
            path, self.patience.until(lambda: self._length(url, path)), sha256, address=str(url)
        )

    def _length(self, url: httpx.URL, path: str) -> int:
        with self._wire.ask(url, method="HEAD", sign=self._sign) as response:
            length = response.headers.get("content-length", "")
        if not length.isdecimal():
            raise FetchError(Reason.SOURCE_REFUSED, f"The source does not tell how long {path} is.")
        return int(length)
