"""Many callers with one question at the same time: the model is asked once."""

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

TEXT = "Chúng tôi thu thập email"


class Gate:
    """Holds the predictor back until it is opened."""

    def __init__(self, predictor: Any) -> None:
        self._predictor, self.open = predictor, asyncio.Event()
        self.refuse_first = False
        predictor.answer = self.answer

    async def answer(self, request: httpx.Request) -> httpx.Response:
        first = len(self._predictor.asked) == 1
        await self.open.wait()
        if first and self.refuse_first:
            return httpx.Response(503)
        return httpx.Response(200, json=self._predictor.body(request))

    async def asked(self, times: int) -> None:
        async with asyncio.timeout(10):
            while len(self._predictor.asked) < times:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def gate(predictor: Any) -> Gate:
    return Gate(predictor)


def ask(gateway: Any, headers: Any, text: str = TEXT) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(gateway.classify(text, headers))


async def test_one_is_asked_and_all_are_answered(gateway: Any, bearer: Any, gate: Gate) -> None:
    callers = [ask(gateway, bearer(sub=f"u{i}")) for i in range(20)]
    await gate.asked(1)
    await asyncio.sleep(0.05)
    gate.open.set()
    answers = [answer.json() for answer in await asyncio.gather(*callers)]
    assert len(gateway.predictor.asked) == 1
    assert {(one["category_id"], one["cached"]) for one in answers} == {(2, False)}
    assert (await gateway.classify(TEXT, bearer())).json()["cached"] is True


async def test_other_texts_and_other_tenants_are_other_questions(
    gateway: Any, bearer: Any, gate: Gate
) -> None:
    callers = [
        ask(gateway, bearer()),
        ask(gateway, bearer(tenant_id="t2")),
        ask(gateway, bearer(), "Chúng tôi lưu email"),
    ]
    await gate.asked(3)
    gate.open.set()
    assert {answer.status_code for answer in await asyncio.gather(*callers)} == {200}


async def test_who_waited_in_vain_asks_too(gateway: Any, bearer: Any, gate: Gate) -> None:
    gate.refuse_first = True
    first = ask(gateway, bearer())
    await gate.asked(1)
    second = ask(gateway, bearer())
    await asyncio.sleep(0.05)
    gate.open.set()
    assert ((await first).status_code, (await second).status_code) == (503, 200)


async def test_the_others_still_get_an_answer_when_the_first_has_gone(
    gateway: Any, bearer: Any, gate: Gate
) -> None:
    first = ask(gateway, bearer())
    await gate.asked(1)
    second = ask(gateway, bearer())
    await asyncio.sleep(0.05)
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    gate.open.set()
    assert (await second).status_code == 200
    assert len(gateway.predictor.asked) == 1
