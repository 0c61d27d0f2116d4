"""Callers that ask a server over HTTP/1.1, each its next question when the last one is answered.

Written on bare sockets: a client that parses more than it has to would cost the server the core they share.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle


class LoadError(Exception):
    """A server answered something that has no length, or nothing."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds of each 200 heard within `seconds`, and how many 200s in all; `refused` is all else.

    `questions` tells which of the requests each of the latencies is of, by its number.
    """

    seconds: float
    latencies: tuple[float, ...]
    questions: tuple[int, ...]
    answers: int
    refused: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


async def closed_loop(
    address: tuple[str, int], requests: Sequence[bytes], *, callers: int, seconds: float, lead: float
) -> Heard:
    """Let callers ask for `lead` + `seconds`; answers that come after the lead and in time are counted.

    Every question is answered before it returns, so that nothing is left to the next measurement.
    """
    started = time.perf_counter()
    counted = started + lead
    end = counted + seconds
    asked: Iterator[tuple[int, bytes]] = cycle(enumerate(requests))
    latencies: list[float] = []
    questions: list[int] = []
    answers = refused = 0

    async def caller() -> None:
        nonlocal answers, refused
        reader, writer = await asyncio.open_connection(*address)
        try:
            while (begun := time.perf_counter()) < end:
                number, question = next(asked)
                writer.write(question)
                if not await _answered(reader):
                    refused += 1
                    continue
                now = time.perf_counter()
                answers += 1
                if counted <= now < end:
                    latencies.append(now - begun)
                    questions.append(number)
        finally:
            writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    return Heard(seconds, tuple(latencies), tuple(questions), answers, refused)


def request(path: str, body: bytes, *, host: str) -> bytes:
    """Return the bytes of a POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer whole; tells whether it is a 200. Raises LoadError for one without a length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next((line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:")), None)
    if length is None:
        raise LoadError(head.decode(errors="replace"))
    await reader.readexactly(int(length))
    return head.startswith(b"http/1.1 200")
