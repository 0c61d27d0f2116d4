"""H3: bodies without end, packed, or that no reader should read."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from ..conftest import Attack
from .conftest import JSON, Target
from .entrances import Entrance

BOMB = 30_000_000


def endless(piece: bytes, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield piece


def test_h3a_bodies_without_end(attack: Attack, target: Target, entrance: Entrance, lenient: int) -> None:
    before = target.gateway.resident()
    said: Counter[int] = Counter()
    with attack(entrance.row("H3a"), "bodies of 60 MB, with their length and without") as row:
        for path in (
            "/classify",
            "/normalize",
            "/batch-classify",
            "/revocations",
            "/companies",
            "/classify-all",
        ):
            for body in (b"[" * 60_000_000, endless(b"[" * 65_536, 900)):
                row.tried += 1
                try:
                    answer = entrance.client.post(path, content=body, headers={**entrance.bearer(), **JSON})
                    # 429: a limit that is used up refuses it before a byte of it is read.
                    refused = answer.status_code in {413, 429} or by_a_proxy(entrance, answer)
                    row.got_through += not refused
                    said[answer.status_code] += 1
                except httpx.TransportError:
                    said[0] += 1  # cut while it was still being sent
        assert said[413] >= row.tried / 3, said
        grown = (target.gateway.resident() - before) / 1e6
        if entrance.suffix:
            row.figure = ", ".join(f"{said[one]} times {one or 'cut'}" for one in sorted(said))
        else:
            row.got_through += grown > 40
            row.figure = f"{max(grown, 0):.0f} MB of memory more"
        taken = httpx.post(
            f"http://127.0.0.1:{lenient}/", content=b"[" * 60_000_000, trust_env=False, timeout=60
        )
        row.control = f"a server that does not count answers {taken.status_code}"


def by_a_proxy(entrance: Entrance, answer: httpx.Response) -> bool:
    """Whether a proxy that was still sending when the gateway closed says so in its place.

    Traefik's is 502 for an error of the connection, 500 for any other, such as a body that cannot be read any
    more. No answer of the gateway's is without a request id, and none of its server's without a type.
    """
    ours = "X-Request-Id" in answer.headers or "Content-Type" in answer.headers
    return bool(entrance.suffix) and answer.status_code in {500, 502} and not ours


def test_h3b_bodies_that_are_packed(attack: Attack, entrance: Entrance) -> None:
    with attack(entrance.row("H3b"), "bodies in encodings that grow when they are opened") as row:
        packed, flat = gzip.compress(b"[" * BOMB), zlib.compress(b"[" * BOMB)
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "x-gzip", "unknown"):
            headers = {**entrance.bearer(), **JSON, "Content-Encoding": encoding}
            content = flat if encoding == "deflate" else packed
            answer = entrance.client.post("/classify", content=content, headers=headers)
            row.tried += 1
            row.got_through += answer.status_code != 415
        opened = len(gzip.decompress(packed))
        assert opened == BOMB
        row.control = f"a server that opens them has {opened / 1e6:.0f} MB of the {len(packed) / 1e3:.0f} KB"


def test_h3c_json_that_is_none_or_hurts(attack: Attack, entrance: Entrance) -> None:
    bodies: list[bytes] = [
        b'{"text": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"text": "a", "text": "b"}',
        b'{"text": "a", "model_type": "principles", "model_type": "consent"}',
        b'{"text": NaN}',
        b'{"text": "a", "x": Infinity}',
        b'{"text": ' + b"9" * 50_000 + b"}",
        b'{"text": "a", "include_metadata": ' + b"1" * 20_000 + b"}",
        b'{"text": 1e999}',
        '{"text": "a"}'.encode("utf-16"),
        '{"text": "a"}'.encode("utf-32"),
        b"\xef\xbb\xbf" + b'{"text": "a"}',
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\\udc00\\ud800"}',
        b'{"text": "a"} {"text": "b"}',
        b"",
        b"null",
        b'"text"',
        b"{'text': 'a'}",
        b'{"text": "a",}',
        b'{"text": ["a"]}',
        b'{"text": {"a": 1}}',
        b'{"text": null}',
        b'{"__proto__": {}, "text": "a"}',
        b"[" + b"1," * 30_000 + b"1]",
    ]
    with attack(entrance.row("H3c"), "JSON too deep, said twice, not JSON, not UTF-8") as row:
        for body in bodies:
            answer = entrance.client.post("/classify", content=body, headers={**entrance.bearer(), **JSON})
            row.tried += 1
            row.got_through += answer.status_code != 422
        taken = sum(parses(body) for body in bodies)
        row.control = f"json.loads takes {taken}, and fails for want of stack on the deepest"


def parses(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def test_h3d_more_items_than_a_batch_holds(attack: Attack, entrance: Entrance) -> None:
    bodies: list[Any] = [
        {"texts": ["a"] * 257},
        {"texts": ["a"] * 100_000},
        {"items": [{"text": "a"}] * 257},
        {"items": [1] * 100_000},
        {"texts": ["a"], "items": [{"text": "a"}]},
        {"texts": []},
    ]
    with attack(entrance.row("H3d"), "batches that are none") as row:
        for body in bodies:
            answer = entrance.client.post("/batch-classify", json=body, headers=entrance.bearer())
            row.tried += 1
            row.got_through += answer.status_code not in (413, 422)
        asked = sum(len(body["texts"]) for body in bodies[:2])
        one = entrance.client.post("/batch-classify", json={"texts": ["a"] * 256}, headers=entrance.bearer())
        assert one.json()["total"] == 256
        row.control = f"without a bound the first two alone ask a model {asked:,} times; 256 are answered"
