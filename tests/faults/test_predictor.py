"""One model's predictor is killed, stands still or is slow; who asks other models notices nothing."""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..e2e.cluster import CATALOGUE, classify, eventually
from ..e2e.parts import kill, predictor, replaced
from ..e2e.traffic import Question, Traffic
from .processes import slowed, stalled
from .rows import Load

MODEL = "principles-vi"
TEXT = CATALOGUE[MODEL]["goldenSentences"][0]["text"]
DEADLINE = 30.0
STALL = 15.0
LEAST_ASKED = 20
"""Of the model's own callers: fewer would say little."""


@pytest.fixture
def others(questions: list[Question], tenants: list[str]) -> Load:
    """Return a load of every model but the one that has the fault."""
    kind = CATALOGUE[MODEL]["modelType"]
    return Load(Traffic([one for one in questions if one.body["model_type"] != kind], tenants))


class Askers:
    """Ask the model at once, each time something that is in no cache; every status, and how long it took."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self.answers = tokens, list[tuple[int, float]]()

    def __call__(self, token: str) -> int:
        begun = time.monotonic()
        text = f"{TEXT} ({time.time_ns()})"
        answer = classify(text, CATALOGUE[MODEL]["modelType"], CATALOGUE[MODEL]["language"], token)
        self.answers.append((answer.status_code, time.monotonic() - begun))
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers
        return answer.status_code

    def until_answered(self) -> None:
        """Let each ask until all are answered in turn: every gateway has found it again then."""
        eventually(lambda: all(self(token) == 200 for token in self._tokens), "it answers again", 120)

    def all_the_while(self, seconds: float, *, pause: float = 0.0) -> None:
        """Ask again and again for so long, with a pause after each answer."""
        begun = time.monotonic()

        def ask(token: str) -> None:
            while time.monotonic() - begun < seconds:
                self(token)
                time.sleep(pause)

        with ThreadPoolExecutor(len(self._tokens)) as threads:
            list(threads.map(ask, self._tokens))

    def failed(self, honest: Collection[int]) -> list[tuple[int, float]]:
        """Give the answers that are neither right nor honest, or came too late."""
        return [
            (status, late)
            for status, late in self.answers
            if status not in {200, *honest} or late >= DEADLINE + 2
        ]

    def said(self, *honest: int) -> str:
        """Tell how many asked and failed, what came, how late at most; `honest` statuses are no failure."""
        statuses = [status for status, _ in self.answers]
        counted = ", ".join(f"{statuses.count(one)} times {one}" for one in sorted(set(statuses)))
        latest, failed = max(late for _, late in self.answers), len(self.failed(honest))
        own = f"its own {len(self._tokens)} callers: {len(statuses)} sent, {failed} failed"
        return f"{own} ({counted}), after {latest:.1f} s at most"


def test_a_predictor_goes_stalls_and_is_slow(others: Load, tenants: list[str]) -> None:
    with others:
        ask = Askers(tenants)
        row = others.row(
            "predictor-killed", "the only predictor of a model is killed",
            "its callers are told 503 and when to ask again; those of other models notice nothing",
        )  # fmt: skip
        killed = kill(predictor(MODEL))
        row.struck()
        ask.all_the_while(STALL / 3, pause=0.2)
        ask.until_answered()
        replaced(predictor(MODEL), killed)
        row.healed()
        row.saw(ask.said(503))
        assert ask.failed({503}) == []
        assert len(ask.answers) >= LEAST_ASKED

        ask = Askers(tenants)
        row = others.row(
            "predictor-stalled", f"the only predictor of a model stands still for {STALL:.0f} s",
            "its callers are told 503 or 504 within the deadline; those of other models notice nothing",
        )  # fmt: skip
        with stalled(predictor(MODEL)):
            row.struck()
            ask.all_the_while(STALL, pause=0.5)
        row.mended()
        ask.until_answered()
        row.healed()
        row.saw(ask.said(503, 504))
        assert ask.failed({503, 504}) == []
        assert len(ask.answers) >= len(tenants)  # each may wait for its deadline

        ask = Askers(tenants)
        row = others.row(
            "predictor-slow", f"a model's only predictor runs for a fifth of the time, for {STALL:.0f} s",
            "its callers are answered, later; those of other models notice nothing",
        )  # fmt: skip
        with slowed(predictor(MODEL)):
            row.struck()
            ask.all_the_while(STALL, pause=0.2)
        row.mended()
        ask.until_answered()
        row.healed()
        row.saw(ask.said())
        assert ask.failed(()) == []
        assert len(ask.answers) >= LEAST_ASKED
