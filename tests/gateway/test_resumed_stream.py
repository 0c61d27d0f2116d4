"""A stream of lines goes on after the last answer that arrived: no item is lost, or answered twice."""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from veriaidpo_gateway.http import resuming, streaming

KIND = {"Content-Type": "application/x-ndjson"}
LINES = [json.dumps({"id": f"câu {i}", "text": f"câu {i}"}).encode() for i in range(100)]


@pytest.fixture
def resume(gateway: Any, bearer: Any) -> Callable[..., Any]:
    async def ask(after: Any, lines: Any = None) -> tuple[httpx.Response, list[Any]]:
        answer = await gateway.public.post(
            "/batch-classify",
            params={} if after is None else {"resume_after": after},
            content=b"\n".join(LINES) if lines is None else lines,
            headers={**KIND, **bearer()},
        )
        results = [json.loads(line) for line in answer.text.splitlines()]
        return answer, results[:-1] if results and results[-1].get("complete") else results

    return ask


@pytest.mark.parametrize("answered", [1, 31, 32, 33, 64, 99, 100])
async def test_each_item_is_answered_once_wherever_it_was_cut(resume: Any, answered: int) -> None:
    _, before = await resume(None)
    _, after = await resume(before[answered - 1]["id"])
    assert [one["id"] for one in before[:answered] + after] == [f"câu {i}" for i in range(100)]
    assert {one["prediction"] for one in after} <= {"Nhãn 2"}


async def test_what_was_answered_before_is_not_asked_again(gateway: Any, resume: Any) -> None:
    await resume("câu 89")
    assert sorted(gateway.predictor.texts) == sorted(f"câu {i}" for i in range(90, 100))


async def test_it_is_not_counted_again_either(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=10) as gateway:
        answer = await gateway.public.post(
            "/batch-classify",
            params={"resume_after": "câu 95"},
            content=b"\n".join(LINES),
            headers={**KIND, **bearer()},
        )
    *results, _ = (json.loads(line) for line in answer.text.splitlines())
    assert [one["id"] for one in results] == [f"câu {i}" for i in range(96, 100)]
    assert max(one["processing_metadata"]["processing_time_ms"] for one in results) < 900


async def test_lines_keep_their_numbers_and_bad_ones_are_passed_over(resume: Any) -> None:
    lines = b'{"id": 1, "text": "a"}\n{\n\n{"id": 2, "text": ""}\n{"text": "b"}\n[\n{"id": 3, "text": "c"}'
    _, results = await resume("2", lines)
    assert [(one.get("id"), one.get("line")) for one in results] == [(None, None), (None, 6), (3, None)]


async def test_an_item_that_was_answered_by_an_error_can_be_named(resume: Any) -> None:
    _, results = await resume("x", b'{"id": "x", "text": ""}\n{"id": "y", "text": "b"}')
    assert [one["id"] for one in results] == ["y"]


@pytest.mark.parametrize("written", [7, "7"])
async def test_a_number_and_its_digits_are_one_id(resume: Any, written: Any) -> None:
    lines = json.dumps({"id": written, "text": "a"}) + "\n" + json.dumps({"id": 8, "text": "b"})
    _, results = await resume("7", lines.encode())
    assert [one["id"] for one in results] == [8]


async def test_of_two_items_of_one_id_the_first_is_meant(resume: Any) -> None:
    lines = b'{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n{"id": 1, "text": "c"}'
    _, results = await resume("1", lines)
    assert [one["id"] for one in results] == [2, 1]


async def test_an_id_that_is_not_there_ends_the_stream_and_says_so(gateway: Any, resume: Any) -> None:
    answer, (last,) = await resume("câu 100")
    assert (answer.status_code, last["detail"]["code"], last["stream_ended"]) == (200, "no_such_item", True)
    assert gateway.predictor.asked == []


@pytest.mark.parametrize("after", ["", "x" * 129, ["a", "b"]])
@pytest.mark.parametrize("kind", [KIND, {"Content-Type": "application/json"}])
async def test_what_can_be_no_id_is_a_422(gateway: Any, bearer: Any, after: Any, kind: Any) -> None:
    answer = await gateway.public.post(
        "/batch-classify", params={"resume_after": after}, content=LINES[0], headers={**kind, **bearer()}
    )
    assert (answer.status_code, answer.json()["detail"]["code"]) == (422, "invalid_request")


async def test_the_rest_is_answered_while_more_arrives(gateway: Any, bearer: Any) -> None:
    async def lines() -> AsyncIterator[bytes]:
        for line in LINES:
            yield line[:9]
            yield line[9:] + b"\n"

    answer = await gateway.public.post(
        "/batch-classify", params={"resume_after": "câu 50"}, content=lines(), headers={**KIND, **bearer()}
    )
    assert [json.loads(line)["id"] for line in answer.text.splitlines()[:-1]] == [
        f"câu {i}" for i in range(51, 100)
    ]


async def test_who_sends_nothing_but_lines_that_are_left_out_is_looked_at_too(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LOOKED_AT_EVERY", 0.0)
    monkeypatch.setattr(streaming, "LINGER_SECONDS", 0.05)

    async def lines() -> AsyncIterator[bytes]:
        yield LINES[0] + b"\n"
        body = {"jti": "stolen", "exp": int(time.time()) + 600}
        assert (await gateway.public.post("/revocations", json=body, headers=bearer("admin"))).is_success
        for _ in range(100):
            yield LINES[1] + b"\n"

    answer = await gateway.public.post(
        "/batch-classify",
        params={"resume_after": "câu 99"},
        content=lines(),
        headers={**KIND, **bearer(jti="stolen")},
    )
    (last,) = (json.loads(line) for line in answer.text.splitlines())
    assert (last["detail"]["code"], last["stream_ended"]) == ("unauthenticated", True)


async def test_lines_are_left_out_no_faster_than_a_bound(
    resume: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "BYTES_A_SECOND", sum(map(len, LINES)) * 5)
    started = time.monotonic()
    _, results = await resume("câu 98")
    assert [one["id"] for one in results] == ["câu 99"]
    assert 0.15 < time.monotonic() - started < 2
