"""s3://: the objects below a prefix of a bucket, in any store that speaks S3's protocol.

Each object is asked for in the version that was seen when the bucket was listed, or, where a bucket keeps no
versions, as long as it still has the ETag that it had then.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from httpx_auth import AWS4Auth

from veriaidpo_predictor.fetching import s3_list, selection
from veriaidpo_predictor.fetching.source import MOST_FILES, Listing, Patience, SourceFile, commit_of
from veriaidpo_predictor.fetching.wire import Wire, same_origin
from veriaidpo_predictor.outcome import FetchError, Reason

_MD5 = re.compile(r'"[0-9a-f]{32}"')
_MOST_PAGES = 20  # of 1,000 objects at most, and some stores send fewer


@dataclass(frozen=True, slots=True)
class Store:
    """Where a bucket is. `keys` are an access key's id and its secret; a public bucket needs none."""

    endpoint: str
    region: str
    path_style: bool
    keys: tuple[str, str] | None

    def base(self, bucket: str) -> str:
        """Give the address that keys are put behind."""
        url = httpx.URL(self.endpoint.rstrip("/"))
        if self.path_style or "." in bucket:
            return f"{url}/{bucket}/"
        return f"{url.copy_with(host=f'{bucket}.{url.host}')}/"


class S3:
    """The objects below one prefix."""

    def __init__(self, bucket: str, prefix: str, *, store: Store, patience: Patience, wire: Wire) -> None:
        self._base = store.base(bucket)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._auth = AWS4Auth(*store.keys, store.region, "s3") if store.keys else None
        self._wire = wire
        self.patience = patience

    @property
    def known(self) -> str | None:
        """Nothing: what a prefix holds is only known when it was listed."""
        return None

    def listing(self) -> Listing:
        """List the objects, and look at each that may be fetched."""
        keys = list(self._keys())
        found = {key: key.removeprefix(self._prefix) for key in keys}
        files = tuple(
            self.patience.until(lambda key=key, path=path: self._file(key, path))  # type: ignore[misc]
            if selection.is_known(path)
            else SourceFile(path, 0)
            for key, path in sorted(found.items())
        )
        marks = ((file.path, file.etag, file.address) for file in files if file.address)
        return Listing(commit=commit_of(marks), files=files)

    def bytes_from(
        self, file: SourceFile, offset: int
    ) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open an object at an offset."""
        return self._wire.bytes_from(httpx.URL(file.address), offset, etag=file.etag, sign=self._sign)

    def _keys(self) -> Iterator[str]:
        following, count = "", 0
        for _ in range(_MOST_PAGES):
            query = {"list-type": "2", "prefix": self._prefix}
            query |= {"continuation-token": following} if following else {}
            url = httpx.URL(self._base, params=query)
            page = self.patience.until(lambda url=url: s3_list.read(self._wire.body(url, sign=self._sign)))  # type: ignore[misc]
            keys = [key for key in page.keys if not key.endswith("/")]
            count += len(keys)
            if count > MOST_FILES:
                break
            yield from keys
            following = page.following
            if not following:
                return
        raise FetchError(Reason.SOURCE_REFUSED, "There are too many objects below the source's prefix.")

    def _file(self, key: str, path: str) -> SourceFile:
        url = httpx.URL(self._base + quote(key))
        headers = {"x-amz-checksum-mode": "ENABLED"}
        with self._wire.ask(url, method="HEAD", headers=headers, sign=self._sign) as response:
            told = response.headers
        version = told.get("x-amz-version-id", "null")
        etag = told.get("etag", "")
        # Of an object that the store enciphers by a key of somebody's, the ETag is not the bytes' MD5.
        is_md5 = _MD5.fullmatch(etag) and told.get("x-amz-server-side-encryption", "AES256") == "AES256"
        return SourceFile(
            path=path,
            size=int(told.get("content-length", "0")),
            sha256=_hex(told.get("x-amz-checksum-sha256", "")),
            md5=etag.strip('"') if is_md5 else None,
            address=str(url if version == "null" else url.copy_merge_params({"versionId": version})),
            etag=etag,
        )

    def _sign(self, request: httpx.Request) -> None:
        if self._auth is not None and same_origin(request.url, httpx.URL(self._base)):
            next(self._auth.auth_flow(request))


def _hex(text: str) -> str | None:
    """Read a sha256 of a whole object; that of one made of parts (`...-3`) is none."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found.hex() if len(found) == 32 else None
