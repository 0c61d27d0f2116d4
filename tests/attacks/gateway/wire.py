"""Requests as bytes, and what a server makes of them: how many answers it gives, and to what."""

import contextlib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

SECOND = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
"""What an attacker hides in a body: a server that answers it has been led astray."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@dataclass(frozen=True)
class Said:
    """The statuses a server sent before it was silent or closed, and all of its bytes."""

    statuses: tuple[int, ...]
    data: bytes


def send(port: int, data: bytes, *, host: str = "127.0.0.1", seconds: float = 1.0) -> Said:
    """Send bytes, then read until the server closes, or says nothing for a while."""
    heard = bytearray()
    with socket.create_connection((host, port), 10) as link, contextlib.suppress(OSError):
        link.sendall(data)
        link.settimeout(seconds)
        while chunk := link.recv(65_536):
            heard += chunk
            link.settimeout(0.3)
    return Said(tuple(int(status) for status in _STATUS.findall(heard)), bytes(heard))


def post(lines: str, body: str = "") -> bytes:
    """Write a POST with these header lines and this body, byte for byte."""
    return f"POST /classify HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n{body}".encode("latin-1")


CHUNK = "0\r\n\r\n"
FRAMING: Mapping[str, tuple[str, dict[str, bytes]]] = {
    "H1a": (
        "Content-Length and Transfer-Encoding in one request, another request behind it",
        {
            "both": post(
                f"Content-Length: {len(CHUNK + SECOND)}\r\nTransfer-Encoding: chunked", CHUNK + SECOND
            ),
            "the other order": post(
                "Transfer-Encoding: chunked\r\nContent-Length: 4", f"5c\r\n{SECOND}0\r\n\r\n"
            ),
            "identity": post(f"Content-Length: {len(SECOND)}\r\nTransfer-Encoding: identity", SECOND),
        },
    ),
    "H1b": (
        "Transfer-Encoding in disguise",
        {
            name: post(f"{line}\r\nContent-Length: {len(CHUNK + SECOND)}", CHUNK + SECOND)
            for name, line in {
                "space before the colon": "Transfer-Encoding : chunked",
                "x in front": "Transfer-Encoding: xchunked",
                "twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                "a list": "Transfer-Encoding: identity, chunked",
                "vertical tab": "Transfer-Encoding:\x0bchunked",
                "quoted": 'Transfer-Encoding: "chunked"',
            }.items()
        },
    ),
    "H1c": (
        "lengths that two readers read differently",
        {
            "two": post("Content-Length: 0\r\nContent-Length: 35", SECOND),
            "a list": post("Content-Length: 0, 35", SECOND),
            "signed": post("Content-Length: +0", SECOND),
            "negative": post("Content-Length: -1", SECOND),
            "hexadecimal": post("Content-Length: 0x0", SECOND),
            "with a space": post("Content-Length: 0 35", SECOND),
            "huge": post("Content-Length: 99999999999999999999999", SECOND),
            "empty": post("Content-Length:", SECOND),
            "the same twice in one line": post("Content-Length: 5, 5", "12345" + SECOND),
        },
    ),
    "H1d": (
        "lines that end or go on as they should not",
        {
            "bare LF": f"POST /classify HTTP/1.1\nHost: x\nContent-Length: 0\n\n{SECOND}".encode(),
            "folded": post(f"X-A: 1\r\n Content-Length: 0\r\nContent-Length: {len(SECOND)}", SECOND),
            "space before a name": post("Content-Length: 0\r\n X-A: 1", SECOND),
            "no colon": post("Content-Length 0", SECOND),
            "bare CR": post("X-A: 1\rTransfer-Encoding: chunked\r\nContent-Length: 0", SECOND),
        },
    ),
    "H1e": (
        "chunks that are none",
        {
            name: post("Transfer-Encoding: chunked", f"{size}\r\n{SECOND}")
            for name, size in {
                "negative": "-1",
                "signed": "+0\r\n",
                "hexadecimal prefix": "0x0\r\n",
                "words": "zero\r\n",
                "an endless size": "f" * 40,
                "a space": "0 0\r\n",
                "a bare LF": "0\n\n",
            }.items()
        },
    ),
    "H1f": (
        "characters that no header holds",
        {
            "NUL in a value": post("X-A: a\x00b\r\nContent-Length: 0"),
            "NUL in a name": post("X\x00A: a\r\nContent-Length: 0"),
            "a space in a name": post("X A: a\r\nContent-Length: 0"),
            "a control character": post("X-A: a\x08b\r\nContent-Length: 0"),
            "NUL in the address": b"POST /classify\x00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        },
    ),
    "H1g": (
        "no host, or two hosts",
        {
            "two": b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "two in a list with the same": b"GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            "none": b"GET /health HTTP/1.1\r\nX-A: 1\r\n\r\n",
        },
    ),
    "H1h": (
        "versions and methods that there are not",
        {
            "HTTP/0.9": b"GET /health\r\n\r\n",
            "HTTP/9.9": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
            "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "a method of its own": b"FETCH /health HTTP/1.1\r\nHost: x\r\n\r\n",
            "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        },
    ),
}
"""By id: the attack, and its ways. Led astray is a server that answers twice, or 2xx, or 5xx."""


def astray(said: Said) -> bool:
    """Whether a server fell for it: it answered what was hidden, or let a broken request in."""
    return len(said.statuses) > 1 or any(status < 400 or status >= 500 for status in said.statuses)
