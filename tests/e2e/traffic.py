"""A constant rate of requests through the ingress, and what came back."""

import os
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from .cluster import HOST


@dataclass(frozen=True)
class Answer:
    """One answer: seconds since the traffic began, HTTP status (0: none), label, and what a refusal was."""

    at: float
    status: int
    category: int | None
    detail: str


@dataclass
class Traffic:
    """Sends `questions` (body, expected category_id) at `rate` a second while the block runs.

    Each sender has a tenant's token of its own and asks every question in turn: nothing is cached across
    tenants, so the models answer, until a sender begins its list again.
    """

    questions: list[tuple[dict[str, Any], int]]
    tokens: list[str]
    rate: float = 25.0
    answers: list[tuple[int, Answer]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self._threads = [threading.Thread(target=self._send, args=(i,)) for i in range(len(self.tokens))]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, index: int) -> None:
        # Senders keep a timetable each: a slow answer delays only its sender.
        senders = len(self._threads)
        turn = 0
        headers = {"Host": HOST, "Authorization": f"Bearer {self.tokens[index]}"}
        with httpx.Client(base_url=os.environ["INGRESS"], timeout=35, trust_env=False) as client:
            while not self._stop.wait(self._pause((turn + index / senders) * senders / self.rate)):
                body, expected = self.questions[(turn + index) % len(self.questions)]
                self.answers.append((expected, self._ask(client, body, headers)))
                turn += 1

    def _pause(self, due: float) -> float:
        return max(0.0, self._begun + due - time.monotonic())

    def _ask(self, client: httpx.Client, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        at = time.monotonic() - self._begun
        try:
            response = client.post("/api/v1/veriaidpo/classify", json=body, headers=headers)
        except httpx.HTTPError as error:
            return Answer(at, 0, None, type(error).__name__)
        if response.status_code == 200:
            return Answer(at, 200, response.json()["category_id"], "")
        honest = response.status_code == 503 and "Retry-After" in response.headers
        return Answer(at, response.status_code, None, "honest" if honest else response.text[:200])
