"""A constant rate of requests through the ingress, and what came back."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from .cluster import HOST, eventually

RATE = 25.0
LEAST_RATE = 20.0
LEAST_SENT = 500


@dataclass(frozen=True)
class Question:
    """A body of /classify and the category_id that is right; None where any is."""

    body: dict[str, Any]
    category: int | None


@dataclass(frozen=True)
class Answer:
    """One answer: seconds since the traffic began, HTTP status (0: none), and what was wrong with it."""

    at: float
    status: int
    model_type: str
    fault: str
    """Empty for the right label; `honest` for a 503 that says when to ask again."""

    revision: str = ""
    """The revision that gave it."""

    until: float = 0.0
    """Seconds since the traffic began when it was there."""

    request_id: str = ""


@dataclass
class Traffic:
    """Sends the questions at RATE a second while the block runs.

    Each sender has a tenant's token of its own and asks every question in turn: nothing is cached across
    tenants, so the models answer, until a sender begins its list again.
    """

    questions: list[Question]
    tokens: list[str]
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self._threads = [threading.Thread(target=self._send, args=(i,)) for i in range(len(self.tokens))]
        for thread in self._threads:
            thread.start()
        eventually(lambda: len(self.answers) > 50, "traffic flows", 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            eventually(lambda: len(self.answers) >= LEAST_SENT, f"{LEAST_SENT} questions are sent", 90)
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def now(self) -> float:
        """Seconds since the traffic began."""
        return time.monotonic() - self._begun

    def more(self, count: int = 100) -> None:
        """Wait for so many answers more."""
        wanted = len(self.answers) + count
        eventually(lambda: len(self.answers) >= wanted, f"{count} more answers", 90)

    @property
    def rate(self) -> float:
        """Requests a second so far."""
        return len(self.answers) / max(answer.at for answer in self.answers)

    def failed(
        self, honest: Callable[[Answer], bool] = lambda _: False, least_rate: float = LEAST_RATE
    ) -> list[Answer]:
        """Give the answers that are not right; those that were to be expected (`honest`) are left out.

        AssertionError when there was too little traffic to say anything.
        """
        assert len(self.answers) >= LEAST_SENT, f"only {len(self.answers)} questions were sent"
        assert self.rate >= least_rate, (
            f"only {self.rate:.0f} requests a second, {Counter(a.status for a in self.answers)}"
        )
        return [a for a in self.answers if a.fault and not (a.fault == "honest" and honest(a))]

    def _send(self, index: int) -> None:
        # Senders keep a timetable each: a slow answer delays only its sender.
        senders = len(self._threads)
        turn = 0
        with httpx.Client(base_url=os.environ["INGRESS"], timeout=35, trust_env=False) as client:
            while not self._stop.wait(self._pause((turn + index / senders) * senders / RATE)):
                question = self.questions[(turn + index * 7) % len(self.questions)]
                # Read each time: a test may hand over other tokens on the way.
                headers = {"Host": HOST, "Authorization": f"Bearer {self.tokens[index]}"}
                self.answers.append(self._ask(client, question, headers))
                turn += 1

    def _pause(self, due: float) -> float:
        return max(0.0, self._begun + due - time.monotonic())

    def _ask(self, client: httpx.Client, question: Question, headers: dict[str, str]) -> Answer:
        at, kind = self.now(), str(question.body["model_type"])
        try:
            response = client.post("/api/v1/veriaidpo/classify", json=question.body, headers=headers)
        except httpx.HTTPError as error:
            return Answer(at, 0, kind, type(error).__name__)
        if response.status_code == 200:
            found, said = response.json()["category_id"], response.json()["model_revision"]
            right = question.category in {found, None}
            fault = "" if right else f"category {found}, not {question.category}"
            request_id = response.headers["X-Request-Id"]
            return Answer(at, 200, kind, fault, said, self.now(), request_id)
        honest = response.status_code == 503 and "Retry-After" in response.headers
        return Answer(at, response.status_code, kind, "honest" if honest else response.text[:200])
