"""A hub that is a function of a request, so that it can do anything wrong."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from veriaidpo_predictor.fetching import fetch as fetching
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.hub import Hub
from veriaidpo_predictor.fetching.progress import Progress
from veriaidpo_predictor.fetching.publishing import Result
from veriaidpo_predictor.fetching.source import Patience
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.fetching.wire import Wire

COMMIT = "c" * 40
Reply = Callable[[httpx.Request], httpx.Response | None]


class Broken(httpx.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self.data
        raise httpx.ReadError("reset")


class Whole(httpx.SyncByteStream):
    """A body as it comes from the network, not read yet."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self.data


def unread(response: httpx.Response) -> httpx.Response:
    if not response.is_stream_consumed:
        return response
    return httpx.Response(response.status_code, headers=response.headers, stream=Whole(response.content))


def client_of(reply: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda request: unread(reply(request))))


def hub_at(client: httpx.Client, patience: Patience, token: str | None = None) -> Hub:
    wire = Wire(client, allowed=Allowed(), who="The hub", missing="repository")
    where = {"repo": "demo/tiny", "revision": "main"}
    return Hub("https://hub.example", **where, token=token, patience=patience, wire=wire)


class BadHub:
    """A hub with the tiny model; `wrong` may answer in its place."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.wrong: list[Reply] = []
        self.ranges = True
        self.sizes: dict[str, int] = {}
        self.commit = COMMIT

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.wrong:
            reply = self.wrong[0](request)
            if reply is not None:
                self.wrong.pop(0)
                return reply
        if request.url.path.startswith("/api/"):
            return httpx.Response(
                200, json={"sha": self.commit, "siblings": [self.entry(path) for path in self.files]}
            )
        path = request.url.path.removeprefix(f"/demo/tiny/resolve/{self.commit}/")
        return self.body(self.files[path], request)

    def entry(self, path: str) -> dict[str, Any]:
        data = self.files[path]
        size = self.sizes.get(path, len(data))
        found = {
            "rfilename": path,
            "size": size,
            "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
        }
        if path.endswith((".onnx", ".model")):
            found["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size}
        return found

    def body(self, data: bytes, request: httpx.Request) -> httpx.Response:
        given = request.headers.get("range")
        if given is None or not self.ranges:
            return httpx.Response(200, content=data)
        start = int(given.removeprefix("bytes=").removesuffix("-"))
        headers = {"content-range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        return httpx.Response(206, headers=headers, content=data[start:])

    def fetch(self, root: Path, *, token: str | None = None, attempts: int = 4, **changes: Any) -> Result:
        body = {
            "name": "tiny-en",
            "modelType": "tiny",
            "language": "en",
            "labels": [
                {"id": "consent", "en": "Consent", "vi": "Sự đồng ý"},
                {"id": "contract", "en": "Contract", "vi": "Hợp đồng"},
                {"id": "duty", "en": "Duty", "vi": "Nghĩa vụ"},
            ],
            "source": {"uri": "hf://demo/tiny"},
        }
        with client_of(self) as client:
            patience = Patience(attempts, sleep=self.waits.append)
            hub = hub_at(client, patience, token)
            spec = FetchSpec.model_validate_json(json.dumps(body | changes))
            return fetching.fetch(spec, root=root, source=hub, progress=Progress())
