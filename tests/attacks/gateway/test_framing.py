"""H1, H2: requests that two readers understand differently, that are too much, or that never end."""

import socket
import statistics
import time

import pytest

from ..conftest import Attack
from .careless import workers_server
from .conftest import JSON, Target
from .entrances import INSTALLED, Entrance, through_the_ingress
from .wire import FRAMING, astray, send

VICTIMS = 8


@pytest.mark.parametrize("identity", FRAMING)
def test_no_request_is_read_as_two(attack: Attack, target: Target, lenient: int, identity: str) -> None:
    what, ways = FRAMING[identity]
    with attack(identity, what) as row:
        for data in ways.values():
            row.tried += 1
            row.got_through += astray(send(target.gateway.port, data))
        fell = sum(astray(send(lenient, data)) for data in ways.values())
        row.control = _control(fell)


@pytest.mark.skipif(not INSTALLED, reason="neither INGRESS nor KUBECONFIG names a cluster with the release")
@pytest.mark.parametrize("identity", FRAMING)
def test_a_proxy_and_the_gateway_read_the_same(attack: Attack, identity: str) -> None:
    what, ways = FRAMING[identity]
    with through_the_ingress() as entrance, attack(entrance.row(identity), what) as row:
        for data in ways.values():
            row.tried += 1
            # A proxy may answer two where it saw two: nothing is let in, and the next ones get their own.
            row.got_through += any(status < 400 for status in entrance.send(data).statuses)
            victims = [entrance.client.get("/health") for _ in range(VICTIMS)]
            row.got_through += any(v.status_code != 200 or "components" not in v.json() for v in victims)
        row.figure = f"{VICTIMS} requests of others after each, all answered as they should be"
        row.control = "what the gateway makes of them without a proxy is the row above"


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


def test_h2a_headers_without_end(attack: Attack, entrance: Entrance, lenient: int) -> None:
    bombs = [
        "".join(f"X-{i}: 1\r\n" for i in range(100)),
        "".join(f"X-{i}: 1\r\n" for i in range(5_000)),
        f"X-A: {'a' * 20_000}\r\n",
        f"X-A: {'a' * 1_000_000}\r\n",
        "".join(f"X-{i}: {'a' * 500}\r\n" for i in range(60)),
        f"{'X' * 20_000}: a\r\n",
    ]
    with attack(entrance.row("H2a"), "more headers, or longer ones, than a request has") as row:
        for bomb in bombs:
            data = f"GET /health HTTP/1.1\r\nHost: x\r\n{bomb}\r\n".encode()
            row.tried += 1
            row.got_through += astray(entrance.send(data))
        many = f"GET /health HTTP/1.1\r\nHost: x\r\n{bombs[0]}\r\n".encode()
        assert astray(send(lenient, many))
        row.control = "a server without caps takes 100 headers"


def healthy(entrance: Entrance, times: int) -> list[float]:
    took = []
    for _ in range(times):
        time.sleep(0.015)  # an installation lets a user ask a hundred times a second
        begun = time.perf_counter()
        body = {"text": "Shopee thu thập email"}
        assert entrance.client.post("/classify", json=body, headers=entrance.bearer()).status_code == 200
        took.append(time.perf_counter() - begun)
    return took


def shut_out() -> str:
    """Do the same to a server whose workers wait: nobody else is answered."""
    with workers_server(16) as port:
        links = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(16)]
        for link in links:
            link.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nX-A: ")
        time.sleep(0.3)
        assert send(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", seconds=3).statuses == ()
        for link in links:
            link.close()
        assert send(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", seconds=10).statuses == (200,)
    return "16 such connections to a server of 16 workers, and nobody else is answered within 3 s"


def test_h2b_headers_that_never_end_in_time(attack: Attack, entrance: Entrance) -> None:
    before = statistics.median(healthy(entrance, 40))
    slow = []
    try:
        for _ in range(200):
            link = socket.create_connection(entrance.address, 10)
            link.sendall(f"POST /classify HTTP/1.1\r\nHost: {entrance.host}\r\nX-A: ".encode())
            slow.append(link)
        with attack(entrance.row("H2b"), "200 connections that send a header a byte at a time") as row:
            row.tried = len(slow)
            during = []
            for _ in range(40):
                for link in slow[:20]:
                    link.sendall(b"a")
                during += healthy(entrance, 1)
            # Nothing of it may be felt by others: twice is what a busy machine does by itself.
            row.got_through = int(statistics.median(during) > 2 * before + 0.01)
            meanwhile = statistics.median(during)
            row.control = shut_out()
            row.figure = f"others' median {before * 1000:.1f} ms before, {meanwhile * 1000:.1f} ms meanwhile"
    finally:
        for link in slow:
            link.close()


def test_h2c_a_body_that_does_not_come(attack: Attack, entrance: Entrance, lenient: int) -> None:
    sent = {"Host": "x", **JSON, **entrance.bearer()}
    head = "".join(["POST /classify HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in sent.items())])
    ways = [f"{head}Content-Length: 100\r\n\r\n{{", f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n"]
    with attack(entrance.row("H2c"), "a body that begins and does not go on") as row:
        for way in ways:
            begun = time.monotonic()
            said = entrance.send(way.encode(), seconds=20)
            row.tried += 1
            late = time.monotonic() - begun > 15
            # Go's servers wait for the body that the gateway no longer waits for, and then close: the caller
            # of the ingress may hear nothing, and holds nothing of the gateway's.
            row.got_through += any(s != 408 for s in said.statuses) or (not entrance.suffix and late)
            row.got_through += not entrance.suffix and said.statuses != (408,)
        assert [send(lenient, way.encode(), seconds=8).statuses for way in ways] == [(), ()]
        row.figure = (
            "408, and the connection is closed" if not entrance.suffix else "408, or nothing, in 20 s"
        )
        row.control = "a server without a deadline still waits after 8 s"
