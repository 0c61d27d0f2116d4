"""hf://: a repository of a hub that speaks the Hugging Face hub's protocol.

The token goes to the hub's own address and nowhere else: large files are redirected to hosts of other people.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import httpx

from veriaidpo_predictor.fetching.source import Listing, PassingError, Patience, SourceFile
from veriaidpo_predictor.fetching.wire import Wire, bearer
from veriaidpo_predictor.outcome import FetchError, Reason

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Hub:
    """One repository at a revision: a branch, a tag or a commit."""

    def __init__(
        self, endpoint: str, *, repo: str, revision: str, token: str | None, patience: Patience, wire: Wire
    ) -> None:
        self._endpoint = httpx.URL(endpoint.rstrip("/"))
        if self._endpoint.scheme not in {"http", "https"} or not self._endpoint.host:
            raise FetchError(Reason.INVALID_SPEC, "HF_ENDPOINT is not an http or https address.")
        self._repo = repo
        self._revision = revision
        self._sign = bearer(token, self._endpoint)
        self._wire = wire
        self.patience = patience

    @property
    def known(self) -> str | None:
        """The commit, where it was asked for: it is what it is."""
        return self._revision if _COMMIT.fullmatch(self._revision) else None

    def listing(self) -> Listing:
        """Resolve the revision, and list its files."""
        revision = quote(self._revision, safe="")
        url = httpx.URL(f"{self._endpoint}/api/models/{self._repo}/revision/{revision}?blobs=true")
        return self.patience.until(lambda: self._listing(self._wire.body(url, sign=self._sign)))

    def bytes_from(
        self, file: SourceFile, offset: int
    ) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file at an offset."""
        return self._wire.bytes_from(httpx.URL(file.address), offset, sign=self._sign)

    def _listing(self, answer: bytes) -> Listing:
        try:
            body = json.loads(answer)
            commit = str(body["sha"])
            files = tuple(self._file(one, commit) for one in body["siblings"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise PassingError("The hub answered something that is not its protocol") from None
        return Listing(commit=commit, files=files)

    def _file(self, one: Mapping[str, Any], commit: str) -> SourceFile:
        path = str(one["rfilename"])
        return SourceFile(
            path=path,
            size=int((one.get("lfs") or one)["size"]),
            sha256=(one.get("lfs") or {}).get("sha256"),
            blob_id=one.get("blobId"),
            address=f"{self._endpoint}/{self._repo}/resolve/{commit}/{quote(path)}",
        )
