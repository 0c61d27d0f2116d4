"""Callers of every kind, all at once, each of whom knows the answer that is theirs."""

import asyncio
import io
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

TOLERANCE = 1e-3
"""By which an answer among others may differ from the same alone."""

HONEST = (200, 503, 504)
"""An answer, or the word that there is too much to do: for now, or within the time that was given."""

Answer = tuple[int, list[float]]
"""How many tokens the text has, and a probability for each label."""


@dataclass
class Seen:
    """What came of what was sent, and everything that should not have."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, kind: str, status: int, allowed: Sequence[int]) -> None:
        self.counts[f"{kind} {status}"] += 1
        if status not in allowed:
            self.wrong.append(f"{kind}: {status}")


class Crowd:
    """Callers of one model at `url`; `known` are texts and their answers when asked alone."""

    def __init__(self, url: str, model: str, known: dict[str, Answer], *, seed: int) -> None:
        self._url, self._model, self._known = url, model, known
        self._texts = list(known)
        self._random = random.Random(seed)
        self.seen = Seen()

    async def go_on(self, seconds: float) -> None:
        """Ask for so long, then let what is under way finish."""
        end = asyncio.get_running_loop().time() + seconds
        callers: list[tuple[int, Callable[[aiohttp.ClientSession], Awaitable[None]]]] = [
            (6, self._alone),
            (2, self._several),
            (2, self._hurried),
            (2, self._leaving),
            (1, self._bad),
            (1, self._flood),
        ]

        async def until_the_end(call: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
            while asyncio.get_running_loop().time() < end:
                await call(session)

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            for many, call in callers:
                for _ in range(many):
                    tasks.create_task(until_the_end(call))

    async def _alone(self, session: aiohttp.ClientSession) -> None:
        await self._ask(session, "alone", 1, allowed=HONEST)

    async def _several(self, session: aiohttp.ClientSession) -> None:
        await self._ask(session, "several", self._random.randint(2, 16), allowed=HONEST)

    async def _hurried(self, session: aiohttp.ClientSession) -> None:
        most = self._random.randint(1, 200)
        await self._ask(session, "hurried", 1, allowed=HONEST, milliseconds=most)

    async def _leaving(self, session: aiohttp.ClientSession) -> None:
        """Ask, and go away before the answer, at any moment."""
        asking = asyncio.create_task(
            self._ask(session, "leaving", self._random.choice((1, 16)), allowed=HONEST)
        )
        await asyncio.sleep(self._random.uniform(0, 0.1))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        self.seen.counts["left"] += asking.cancelled()
        await asyncio.sleep(0.1)

    async def _flood(self, session: aiohttp.ClientSession) -> None:
        """Ask for more than may wait; a refusal says when to come again."""
        await asyncio.gather(*(self._ask(session, "flood", 64, allowed=HONEST) for _ in range(24)))
        await asyncio.sleep(10)

    async def _bad(self, session: aiohttp.ClientSession) -> None:
        path, body, status = self._random.choice(
            (
                ("infer", b"{", 400),
                ("infer", b'{"inputs": [7]}', 400),
                ("infer", json.dumps(_question([])).encode(), 400),
                ("infer", json.dumps(_question([" "])).encode(), 400),
                ("infer", json.dumps(_question(["a" * 20_000])).encode(), 400),
                ("infer", json.dumps(_question(["\ud800"])).encode(), 400),
                ("infer", b"\xff" * 1000, 400),
                ("infer", b"[" * 100_000, 400),
                ("infer", b"x" * (5 << 20), 413),
                ("load", b"{}", 404),
            )
        )
        address = f"{self._url}/v2/models/{self._model}/{path}"
        try:
            async with session.post(address, data=io.BytesIO(body)) as response:
                self.seen.note("bad", response.status, (status,))
        except aiohttp.ClientError:
            # What is too large is not read to its end: the connection may break before the answer is seen.
            self.seen.note("bad", 0, (0,) if status == 413 else ())
        await asyncio.sleep(0.05)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        many: int,
        *,
        allowed: Sequence[int],
        milliseconds: int | None = None,
    ) -> None:
        texts = self._random.choices(self._texts, k=many)
        address = f"{self._url}/v2/models/{self._model}/infer"
        headers = {} if milliseconds is None else {"X-Deadline-Ms": str(milliseconds)}
        try:
            async with session.post(address, json=_question(texts), headers=headers) as response:
                self.seen.note(kind, response.status, allowed)
                if response.status == 200:
                    self._compare(texts, await response.json())
                elif response.status == 503:
                    await asyncio.sleep(0.1 * int(response.headers["Retry-After"]))
        except aiohttp.ClientError as error:
            self.seen.wrong.append(f"{kind}: {type(error).__name__}")

    def _compare(self, texts: list[str], body: dict[str, Any]) -> None:
        for text, (tokens, probabilities) in zip(texts, answers(body), strict=True):
            expected_tokens, expected = self._known[text]
            if tokens != expected_tokens or not near(probabilities, expected):
                self.seen.wrong.append(f"another answer for {text[:40]!r}")
        self.seen.counts["texts answered"] += len(texts)


def answers(body: dict[str, Any]) -> list[Answer]:
    """Read a V2 answer, one for each text."""
    columns = {one["name"]: one for one in body["outputs"]}
    texts, labels = columns["probabilities"]["shape"]
    flat = columns["probabilities"]["data"]
    rows = [flat[i * labels : (i + 1) * labels] for i in range(texts)]
    return list(zip(columns["tokens"]["data"], rows, strict=True))


def near(one: list[float], other: list[float]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= TOLERANCE


def _question(texts: list[str]) -> dict[str, Any]:
    return {"inputs": [{"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}]}
