"""H: requests that two readers understand differently, that are too much, or that say who they are from."""

import json
import socket
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..conftest import Attack
from .careless import passes_a_guard_of_raw_addresses
from .conftest import Target, bearer
from .wire import FRAMING, astray, send

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("identity", FRAMING)
def test_no_request_is_read_as_two(attack: Attack, target: Target, lenient: int, identity: str) -> None:
    what, ways = FRAMING[identity]
    with attack(identity, what) as row:
        for data in ways.values():
            row.tried += 1
            row.got_through += astray(send(target.gateway.port, data))
        fell = sum(astray(send(lenient, data)) for data in ways.values())
        row.control = _control(fell)


def _control(fell: int) -> str:
    if not fell:
        return "none: h11 without an edge refuses them all too, they are no attack on this server"
    return f"h11 without an edge lets in, or answers twice, {fell}"


def test_h1i_another_host_in_the_address(attack: Attack, target: Target, lenient: int) -> None:
    def request(address: str) -> bytes:
        return f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    with attack("H1i", "another host in the address than in the header") as row:
        fell = 0
        for host in ("http://other.example", "https://x@other.example:99", "http://x:1@other.example"):
            for path in ("/health", "/model-status", "/metrics", "/classify", "/companies"):
                said = send(target.gateway.port, request(host + path))
                row.tried += 1
                # HTTP has every server take such an address: it has to be the same as without the host.
                row.got_through += said.statuses != send(target.gateway.port, request(path)).statuses
                row.got_through += b"other.example" in said.data
                fell += astray(send(lenient, request(host + path)))
        row.figure = "answered as without that host, which is in no answer"
        row.control = _control(fell)


def test_h2a_headers_without_end(attack: Attack, target: Target, lenient: int) -> None:
    bombs = [
        "".join(f"X-{i}: 1\r\n" for i in range(100)),
        "".join(f"X-{i}: 1\r\n" for i in range(5_000)),
        f"X-A: {'a' * 20_000}\r\n",
        f"X-A: {'a' * 1_000_000}\r\n",
        "".join(f"X-{i}: {'a' * 500}\r\n" for i in range(60)),
        f"{'X' * 20_000}: a\r\n",
    ]
    with attack("H2a", "more headers, or longer ones, than a request has") as row:
        for bomb in bombs:
            data = f"GET /health HTTP/1.1\r\nHost: x\r\n{bomb}\r\n".encode()
            row.tried += 1
            row.got_through += astray(send(target.gateway.port, data))
        many = f"GET /health HTTP/1.1\r\nHost: x\r\n{bombs[0]}\r\n".encode()
        assert astray(send(lenient, many))
        row.control = "a server without caps takes 100 headers"


def healthy(target: Target, times: int) -> list[float]:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        assert target.classify(**bearer()).status_code == 200
        took.append(time.perf_counter() - begun)
    return took


def test_h2b_headers_that_never_end_in_time(attack: Attack, target: Target) -> None:
    before = statistics.median(healthy(target, 40))
    slow = []
    try:
        for _ in range(200):
            link = socket.create_connection(("127.0.0.1", target.gateway.port), 10)
            link.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nX-A: ")
            slow.append(link)
        with attack("H2b", "200 connections that send a header a byte at a time") as row:
            row.tried = len(slow)
            during = []
            for _ in range(40):
                for link in slow[:20]:
                    link.sendall(b"a")
                during += healthy(target, 1)
            # Nothing of it may be felt by others: twice is what a busy machine does by itself.
            row.got_through = int(statistics.median(during) > 2 * before + 0.01)
            meanwhile = statistics.median(during)
            row.figure = f"others' median {before * 1000:.1f} ms before, {meanwhile * 1000:.1f} ms meanwhile"
    finally:
        for link in slow:
            link.close()


def test_h2c_a_body_that_does_not_come(attack: Attack, target: Target) -> None:
    sent = {"Host": "x", **JSON, **bearer()}
    head = "".join(["POST /classify HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in sent.items())])
    ways = [f"{head}Content-Length: 100\r\n\r\n{{", f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n"]
    with attack("H2c", "a body that begins and does not go on") as row:
        for way in ways:
            begun = time.monotonic()
            said = send(target.gateway.port, way.encode(), seconds=20)
            row.tried += 1
            row.got_through += said.statuses != (408,) or time.monotonic() - begun > 15
        row.figure = "408, and the connection is closed"


def endless(piece: bytes, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield piece


def test_h3a_bodies_without_end(attack: Attack, target: Target, lenient: int) -> None:
    before = target.gateway.resident()
    with attack("H3a", "bodies of 60 MB, with their length and without") as row:
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
                    answer = target.client.post(path, content=body, headers={**bearer(), **JSON})
                    row.got_through += answer.status_code != 413
                except httpx.TransportError:
                    pass  # cut while it was still being sent
        grown = (target.gateway.resident() - before) / 1e6
        row.got_through += grown > 40
        row.figure = f"{max(grown, 0):.0f} MB of memory more"
        taken = httpx.post(
            f"http://127.0.0.1:{lenient}/", content=b"[" * 60_000_000, trust_env=False, timeout=60
        )
        row.control = f"a server that does not count answers {taken.status_code}"


def test_h3b_bodies_that_are_packed(attack: Attack, target: Target) -> None:
    with attack("H3b", "bodies in encodings that grow when they are opened") as row:
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "x-gzip", "unknown"):
            headers = {**bearer(), **JSON, "Content-Encoding": encoding}
            answer = target.client.post("/classify", content=b"\x1f\x8b" + b"\0" * 100, headers=headers)
            row.tried += 1
            row.got_through += answer.status_code != 415


def test_h3c_json_that_is_none_or_hurts(attack: Attack, target: Target) -> None:
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
    with attack("H3c", "JSON too deep, said twice, not JSON, not UTF-8") as row:
        for body in bodies:
            answer = target.client.post("/classify", content=body, headers={**bearer(), **JSON})
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


def test_h3d_more_items_than_a_batch_holds(attack: Attack, target: Target) -> None:
    bodies: list[Any] = [
        {"texts": ["a"] * 257},
        {"texts": ["a"] * 100_000},
        {"items": [{"text": "a"}] * 257},
        {"items": [1] * 100_000},
        {"texts": ["a"], "items": [{"text": "a"}]},
        {"texts": []},
    ]
    with attack("H3d", "batches that are none") as row:
        for body in bodies:
            answer = target.client.post("/batch-classify", json=body, headers=bearer())
            row.tried += 1
            row.got_through += answer.status_code not in (413, 422)


CLAIMED = (
    "X-User-Role",
    "X_User_Role",
    "x-user-role",
    "X-Role",
    "X-Tenant-ID",
    "X_Tenant_ID",
    "X-Tenant",
    "X-User-Id",
    "X-User",
    "X-Permissions",
    "X-Forwarded-User",
    "X-Forwarded-Groups",
    "X-Forwarded-Email",
    "X-Real-IP",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Uri",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Remote-User",
)


def test_h4a_headers_that_say_who_somebody_is(attack: Attack, target: Target, lenient: int) -> None:
    with attack("H4a", "headers that say that a viewer is an admin, or of another tenant") as row:
        for name in CLAIMED:
            for value in ("admin", "t2", "/health", "user.write", "127.0.0.1"):
                viewer = target.client.get("/model-status", headers={**bearer(role="viewer"), name: value})
                nobody = target.client.get("/model-status", headers={name: value})
                row.tried += 2
                row.got_through += (viewer.status_code != 403) + (nobody.status_code != 401)
        said = httpx.get(
            f"http://127.0.0.1:{lenient}/", headers={"X-User-Role": "admin"}, trust_env=False
        ).json()
        assert said["role"] == "admin"
        row.control = "a server that reads them believes X-User-Role"


def test_h4b_another_method_than_the_one_sent(attack: Attack, target: Target, lenient: int) -> None:
    names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override")
    with attack("H4b", "headers and fields that name another method") as row:
        for name in names:
            for method in ("POST", "DELETE", "PUT"):
                answer = target.client.get("/classify", headers={**bearer(), name: method})
                row.tried += 1
                row.got_through += answer.status_code != 405
        answer = target.client.get("/classify", params={"_method": "POST"}, headers=bearer())
        row.tried += 1
        row.got_through += answer.status_code != 405
        said = httpx.get(f"http://127.0.0.1:{lenient}/", headers={names[0]: "DELETE"}, trust_env=False).json()
        assert said["method"] == "DELETE"
        row.control = "a server that reads them does as X-HTTP-Method-Override says"


def test_h5a_addresses_written_otherwise(attack: Attack, target: Target, lenient: int) -> None:
    paths = (
        "//model-status",
        "/model-status/",
        "/./model-status",
        "/x/../model-status",
        "/%2e/model-status",
        "/x/%2e%2e/model-status",
        "/..;/model-status",
        "/model-status;a=b",
        "/model%2dstatus%00",
        "/MODEL-STATUS",
        "/model-status%20",
        "/model-status%2f",
        "/%2fmodel-status",
        "/health/../model-status",
        "/health/..;/model-status",
        "/api/v1//model-status",
        "/api/v1/../v1/model-status",
        "\\model-status",
        "/health%0d%0aX-A:1",
        "/docs/../metrics",
        "/metrics",
        "/livez",
        "/readyz",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2f__main__.py",
        "/docs//etc/passwd",
        "/companies/../model-status",
        "/companies/%2e%2e",
    )
    with attack("H5a", "addresses that a proxy and a server read differently") as row:
        for path in paths:
            data = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            said = send(target.gateway.port, data)
            row.tried += 1
            # 401 is the guard of the route itself: whatever got there was not let in.
            row.got_through += not said.statuses or any(not 400 <= status < 500 for status in said.statuses)
            row.got_through += b"location:" in said.data.lower()
        row.figure = "404, 401 or 400 for all of them, and nothing is redirected"
        reached = sum(passes_a_guard_of_raw_addresses(path) for path in paths)
        row.control = f"a server that tidies addresses behind its guard is reached by {reached}"


def test_h6a_request_ids_that_write_into_a_log(attack: Attack, target: Target, lenient: int) -> None:
    ids = (
        b"a" * 10_000,
        b"\x1b[31mred-alert",
        b'","level":"INFO","x":"',
        b"abc def ghi",
        b"<script>alert(1)</script>",
        b"${jndi:ldap://x/a}",
        b"../../etc/passwd",
        b"aaaaaaaa%0d%0aInjected: 1",
        b"\xc3\xa4\xc3\xb6\xc3\xbc-umlauts",
        b"short",
    )
    with attack("H6a", "request ids that are lines, colours, or fields of a log") as row:
        for identity in ids:
            answer = target.client.get("/health", headers=[(b"X-Request-Id", identity)])
            row.tried += 1
            row.got_through += answer.headers.get("X-Request-Id", "").encode() == identity
        lines = [json.loads(line) for line in target.gateway.log.read_text().splitlines()[-len(ids) :]]
        row.got_through += sum(len(line.get("request_id", "")) > 64 for line in lines)
        said = httpx.get(
            f"http://127.0.0.1:{lenient}/", headers={"X-Request-Id": ids[4].decode()}, trust_env=False
        )
        assert said.headers["X-Request-Id"] == ids[4].decode()
        row.control = "a server that passes them on sends the script back"


def test_h8a_other_origins_and_other_methods(attack: Attack, target: Target) -> None:
    with attack("H8a", "other origins' pages, and methods that there are not") as row:
        for path in ("/classify", "/health", "/companies", "/model-status", "/openapi.json"):
            for method in ("OPTIONS", "TRACE", "PATCH", "PROPFIND", "LOCK"):
                headers = {
                    "Origin": "https://evil.example",
                    "Access-Control-Request-Method": "POST",
                    **bearer(),
                }
                answer = target.client.request(method, path, headers=headers)
                row.tried += 1
                row.got_through += answer.status_code not in (400, 405)
                row.got_through += any(name.startswith("access-control-") for name in answer.headers)
                row.got_through += "evil.example" in answer.text


MARK = "zq7PLANTED7qz"


def test_h9a_errors_that_repeat_what_was_sent(attack: Attack, target: Target) -> None:
    bodies: list[Any] = [
        {"text": MARK, MARK: 1},
        {"text": [MARK]},
        {"text": MARK, "model_type": MARK},
        {"text": MARK, "language": MARK},
        {"text": MARK * 400},
        {"text": MARK, "include_metadata": MARK},
        MARK,
        [MARK],
        {"text": MARK + "\u202e"},
        {"texts": [MARK], "items": [{"text": MARK}]},
        {"texts": MARK},
        {"jti": [MARK]},
        {"name": MARK + "\x00"},
    ]
    paths = (
        "/classify",
        "/classify-all",
        "/batch-classify",
        "/normalize",
        "/preload-model",
        "/revocations",
        "/companies",
    )
    with attack("H9a", "a planted word in every field, name and address of a bad request") as row:
        for path in paths:
            for body in bodies:
                answer = target.client.post(path, json=body, headers=bearer())
                row.tried += 1
                row.got_through += answer.status_code >= 400 and MARK in answer.text
        for where in (f"/{MARK}", f"/classify/{MARK}", f"/companies/{MARK}", f"/health?{MARK}={MARK}"):
            answer = target.client.get(where, headers={**bearer(), "X-Nothing": MARK})
            row.tried += 1
            row.got_through += MARK in answer.text
        row.got_through += MARK in target.gateway.log.read_text()
        row.figure = "in no answer, and not in the log"


def test_h9b_errors_that_tell_of_the_inside(attack: Attack, target: Target) -> None:
    inside = (
        "Traceback",
        "veriaidpo_gateway",
        "/site-packages",
        "pydantic",
        "starlette",
        'File "',
        "sqlalchemy",
        "127.0.0.1:",
    )
    with attack("H9b", "errors that name classes, files, addresses or libraries") as row:
        for path in (
            "/classify",
            "/normalize",
            "/batch-classify",
            "/companies",
            "/companies.csv",
            "/revocations",
        ):
            for content in (b"", b"{", b"\xff", b"[]", b'{"text": 1}', b"a,b\n"):
                for kind in (
                    "application/json",
                    "text/csv",
                    "text/xml",
                    "application/x-ndjson",
                    "multipart/form-data",
                ):
                    answer = target.client.post(
                        path, content=content, headers={**bearer(), "Content-Type": kind}
                    )
                    row.tried += 1
                    row.got_through += (
                        any(word in answer.text for word in inside) or answer.status_code >= 500
                    )


def test_h9c_what_a_predictor_says_in_an_error(attack: Attack, target: Target) -> None:
    with attack("H9c", "a predictor that fails and repeats another caller's text in its error") as row:
        for number in range(3):
            answer = target.classify(f"explode {MARK} {number}", **bearer())
            row.tried += 1
            row.got_through += answer.status_code != 503 or MARK in answer.text or "/mnt" in answer.text
        row.got_through += MARK in target.gateway.log.read_text()
        row.control = "the predictor of this test says its path and the text"
