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
    """Sends `questions` (body, expected category_id) in turn at `rate` a second while the block runs.

    Each question is made new by a number, so that no cache answers for the model.
    """

    questions: list[tuple[dict[str, Any], int]]
    token: str
    rate: float = 25.0
    answers: list[tuple[int, Answer]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self._threads = [threading.Thread(target=self._send, args=(i,)) for i in range(8)]
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
        # Eight senders, each on its own timetable: a slow answer delays only its sender.
        interval = len(self._threads) / self.rate
        turn = 0
        headers = {"Host": HOST, "Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=os.environ["INGRESS"], timeout=35, trust_env=False) as client:
            while not self._stop.wait(
                max(0.0, self._begun + (turn + index / len(self._threads)) * interval - time.monotonic())
            ):
                body, expected = self.questions[(turn + index) % len(self.questions)]
                numbered = {**body, "text": f"{body['text']} ({index}.{turn})"}
                self.answers.append((expected, self._ask(client, numbered, headers)))
                turn += 1

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
