"""Many questions of one caller: looked up one by one, asked together for each model, answered in order.

An item that is wrong, or whose model does not answer, has an error of its own; the others do not notice.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from veriaidpo_gateway import tracing
from veriaidpo_gateway.classification import answers, classify, recording
from veriaidpo_gateway.classification.answers import Answer, Asked
from veriaidpo_gateway.classification.bodies import Question
from veriaidpo_gateway.classification.classify import Deps
from veriaidpo_gateway.classification.recording import Decision
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.inference import TOGETHER, Inference
from veriaidpo_gateway.normalisation import texts

AT_ONCE = 2
"""Calls to one model at a time: two of the longest fill a predictor's queue without making it refuse."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as it was read: a question, or what is wrong with it. `id` is the caller's own."""

    question: Question | GatewayError
    id: str | int | None = None
    line: int | None = None
    model_type: str | None = None
    """Said of an answer that is an error, where the caller did not name the type."""


Outcome = Answer | GatewayError


@dataclass(slots=True)
class _Waiting:
    """Questions one model has to be asked, by the text it sees: the same text is asked once."""

    by_text: dict[str, list[tuple[int, Asked]]]

    def chunks(self) -> list[list[str]]:
        found = list(self.by_text)
        return [found[i : i + TOGETHER] for i in range(0, len(found), TOGETHER)]


class Group:
    """Questions answered together. `started` is in monotonic seconds; all are given `deps.deadline`.

    Each answer has a decision record of its own, unless all are about one text (`one_record`).
    """

    def __init__(
        self, exchange: Exchange, caller: Caller, deps: Deps, *, started: float, one_record: bool = False
    ) -> None:
        self._exchange, self._caller, self._deps, self._started = exchange, caller, deps, started
        self._one_record = one_record
        self._outcomes: dict[int, Outcome] = {}
        self._decisions: dict[int, Decision] = {}

    async def answer(self, entries: Sequence[Entry], *, counted: int = 0) -> list[Outcome]:
        """Answer every entry, in order. The first `counted` have taken their place in the limits already."""
        with tracing.stage("normalise", items=len(entries)):
            understood = await self._understand(entries, counted)
        with tracing.stage("cache", items=len(understood)):
            found = await asyncio.gather(
                *(classify.look_up(self._caller, asked, self._deps) for _, asked in understood)
            )
        waiting: dict[str, _Waiting] = {}
        for (index, asked), inference in zip(understood, found, strict=True):
            if inference is not None:
                self._answered(index, asked, inference, cached=True)
            else:
                of_model = waiting.setdefault(asked.model.name, _Waiting({}))
                of_model.by_text.setdefault(asked.text.text, []).append((index, asked))
        async with asyncio.TaskGroup() as tasks:
            for of_model in waiting.values():
                turns = asyncio.Semaphore(AT_ONCE)
                for seen in of_model.chunks():
                    tasks.create_task(self._ask(of_model, seen, turns))
        self._record(entries)
        outcomes = [self._outcomes[index] for index in range(len(entries))]
        self._exchange.count_items(len(outcomes), sum(isinstance(one, GatewayError) for one in outcomes))
        return outcomes

    async def _understand(self, entries: Sequence[Entry], counted: int) -> list[tuple[int, Asked]]:
        understood = []
        for index, entry in enumerate(entries):
            try:
                await self._deps.limits.wait_turn(
                    self._caller,
                    _characters(entry),
                    self._started + self._deps.deadline,
                    calls=int(index >= counted),
                )
                if isinstance(entry.question, GatewayError):
                    raise entry.question
                understood.append((index, classify.understand(entry.question, self._deps, self._deps.routes)))
            except GatewayError as error:
                self._outcomes[index] = error
            await asyncio.sleep(0)  # finding names takes time, and others are waiting too
        questions = [asked for _, asked in understood]
        helped = await classify.with_tagger(questions, self._deps, self._exchange.request_id)
        return [(index, asked) for (index, _), asked in zip(understood, helped, strict=True)]

    async def _ask(self, waiting: _Waiting, seen: list[str], turns: asyncio.Semaphore) -> None:
        asked_for = [waiting.by_text[text] for text in seen]
        try:
            async with turns:
                inferences = await self._infer(asked_for[0][0][1], seen)
        except GatewayError as error:
            for index, _ in (one for same in asked_for for one in same):
                self._outcomes[index] = error
            return
        for same, inference in zip(asked_for, inferences, strict=True):
            await classify.keep(self._caller, same[0][1], inference, self._deps)
            for index, asked in same:
                self._answered(index, asked, inference, cached=False)

    async def _infer(self, asked: Asked, seen: Sequence[str]) -> tuple[Inference, ...]:
        """Ask a model; while it is busy, wait and ask again as long as there is time."""
        while True:
            try:
                return await classify.infer(
                    asked.model,
                    seen,
                    self._deps,
                    request_id=self._exchange.request_id,
                    started=self._started,
                )
            except GatewayError as error:
                wait = float(error.headers.get("Retry-After", "1"))
                too_late = time.monotonic() + wait >= self._started + self._deps.deadline
                if error.code is not ErrorCode.MODEL_BUSY or too_late:
                    raise
            await asyncio.sleep(wait)

    def _answered(self, index: int, asked: Asked, inference: Inference, *, cached: bool) -> None:
        self._outcomes[index] = answers.answer(asked, inference, cached=cached, started=self._started)
        self._exchange.count_answer(asked.model.name, cached=cached)
        self._decisions[index] = (asked, inference, cached)

    def _record(self, entries: Sequence[Entry]) -> None:
        recorder, request_id = self._deps.recorder, self._exchange.request_id
        decisions = sorted(self._decisions.items())
        if self._one_record:
            together = [decision for _, decision in decisions]
            recording.record_together(recorder, request_id, self._caller, together)
            return
        for index, decision in decisions:
            item = entries[index].line or index + 1
            recording.record(recorder, request_id, self._caller, decision, item)


def _characters(entry: Entry) -> int:
    """How much of a limit on text an item takes: nothing where it is going to be refused for its length."""
    if isinstance(entry.question, GatewayError):
        return 0
    length = len(entry.question.text)
    return length if length <= texts.LONGEST else 0


def shape(
    entry: Entry, outcome: Outcome, detail: Callable[[GatewayError], Mapping[str, Any]]
) -> dict[str, Any]:
    """Write one result: the caller's id, and a classification or what went wrong."""
    named: dict[str, Any] = {} if entry.id is None else {"id": entry.id}
    if not isinstance(outcome, GatewayError):
        return named | outcome
    where = {"line": entry.line, "model_type": entry.model_type}
    named |= {name: value for name, value in where.items() if value is not None}
    told = dict(detail(outcome))
    retry_after = outcome.headers.get("Retry-After")
    if retry_after is not None:
        told.setdefault("retry_after_seconds", int(retry_after))
    return {**named, "detail": told}
