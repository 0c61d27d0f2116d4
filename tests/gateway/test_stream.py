"""POST /batch-classify with NDJSON: a line in, a line out, in order, for as long as the caller likes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from veriaidpo_gateway.http import ndjson, streaming
from veriaidpo_gateway.http.ndjson import Line, groups

KIND = {"Content-Type": "application/x-ndjson"}


async def stream(gateway: Any, headers: dict[str, str], content: Any) -> Any:
    """The answers, without the last line where it says that they are all."""
    answer = await gateway.public.post("/batch-classify", content=content, headers={**KIND, **headers})
    results = [json.loads(line) for line in answer.text.splitlines()]
    return answer, results[:-1] if results[-1].get("complete") else results


async def test_a_line_for_each_line_in_order(gateway: Any, bearer: Any) -> None:
    lines = [json.dumps({"id": i, "text": f"câu {i}"}) for i in range(300)]
    answer, results = await stream(gateway, bearer(), "\n".join(lines).encode())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [one["id"] for one in results] == list(range(300))
    assert {one["prediction"] for one in results} == {"Nhãn 2"}
    assert max(len(texts) for texts in gateway.predictor.batches) == 32


async def test_items_are_as_in_a_batch(run_gateway: Any, model_resource: Any, bearer: Any) -> None:
    resources = [model_resource(), model_resource("principles-en", language="en")]
    lines = b'{"text": "a", "language": "en", "include_metadata": false}\r\n\r\n{"text": "b"}'
    async with run_gateway(resources=resources) as gateway:
        _, (english, vietnamese) = await stream(gateway, bearer(), lines)
    assert (english["prediction"], "probabilities" in english) == ("Label 2", False)
    assert (vietnamese["prediction"], vietnamese["model_type"]) == ("Nhãn 2", "principles")


async def test_a_bad_line_is_an_error_line_and_the_stream_goes_on(gateway: Any, bearer: Any) -> None:
    lines = [
        b'{"text": "a"}',
        b"{",
        b'{"id": "x", "text": ""}',
        b'{"text": "a", "text": "b"}',
        b"\xff\xfe",
        b'{"text": "' + b"a" * 70_000 + b'"}',
        b"[1]",
        b'{"id": "end", "text": "b"}',
    ]
    _, results = await stream(gateway, bearer(), b"\n".join(lines))
    assert results[0]["prediction"] == "Nhãn 2"
    assert results[-1]["id"] == "end"
    assert [(one["line"], one["detail"]["code"]) for one in results[1:-1]] == [
        (2, "invalid_request"),
        (3, "invalid_request"),
        (4, "invalid_request"),
        (5, "invalid_request"),
        (6, "line_too_long"),
        (7, "invalid_request"),
    ]
    assert results[2]["id"] == "x"
    assert all(one["detail"]["error_vi"] for one in results[1:-1])


async def test_an_empty_stream_is_an_empty_answer(gateway: Any, bearer: Any) -> None:
    answer, results = await stream(gateway, bearer(), b"\n \n")
    assert (answer.status_code, results) == (200, [])


async def test_the_last_line_says_how_many_were_read_and_answered(gateway: Any, bearer: Any) -> None:
    lines = b'{"id": 1, "text": "a"}\n\n{broken\n{"id": 2, "text": "b"}\n{"id": 3, "text": ""}\n'
    for query, answers in (("", 4), ("?resume_after=1", 3)):
        answer = await gateway.public.post(
            f"/batch-classify{query}", content=lines, headers={**KIND, **bearer()}
        )
        *results, last = (json.loads(line) for line in answer.text.splitlines())
        assert len(results) == answers
        assert last == {
            "request_id": answer.headers["X-Request-Id"],
            "stream_ended": True,
            "complete": True,
            "lines": 4,
            "answers": answers,
        }


async def test_a_proxy_has_a_moment_to_see_that_the_body_has_ended(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOMENT", 0.5)
    begun = time.monotonic()
    _, results = await stream(gateway, bearer(), b'{"text": "a"}')
    assert time.monotonic() - begun >= 0.5
    assert len(results) == 1


async def test_before_there_are_routes_it_is_a_503(gateway: Any, bearer: Any) -> None:
    gateway.source.resources = None
    answer, _ = await stream(gateway, bearer(), b'{"text": "a"}')
    assert answer.status_code == 503


async def test_lines_wait_for_their_turn_in_the_limits(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=2) as gateway:
        _, results = await stream(gateway, bearer(), b'{"text": "a"}\n{"text": "b"}\n{"text": "c"}')
    assert [one.get("prediction") for one in results] == ["Nhãn 2"] * 3
    assert max(one["processing_metadata"]["processing_time_ms"] for one in results) > 900


async def test_a_stream_ends_with_its_token(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LOOKED_AT_EVERY", 0.0)
    monkeypatch.setattr(streaming, "LINGER_SECONDS", 0.05)

    async def lines() -> AsyncIterator[bytes]:
        yield b'{"id": 1, "text": "a"}\n'
        body = {"jti": "stolen", "exp": int(time.time()) + 600}
        revoked = await gateway.public.post("/revocations", json=body, headers=bearer("admin"))
        assert revoked.is_success, revoked.text
        yield b'{"id": 2, "text": "b"}\n'

    answer, (first, last) = await stream(gateway, bearer(jti="stolen"), lines())
    assert answer.status_code == 200
    assert first["id"] == 1
    assert (last["detail"]["code"], last["stream_ended"]) == ("unauthenticated", True)
    assert (last["complete"], last["answers"]) == (False, 1)


async def test_a_caller_who_falls_silent_is_told_and_let_go(
    gateway: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(streaming, "LINGER_SECONDS", 0.05)

    async def lines() -> AsyncIterator[bytes]:
        yield b'{"id": 1, "text": "a"}\n'
        await asyncio.Event().wait()

    answer, (first, last) = await stream(gateway, bearer(), lines())
    assert (first["id"], last["detail"]["code"], last["stream_ended"]) == (1, "body_timeout", True)
    assert last["request_id"] == answer.headers["X-Request-Id"]


async def test_no_more_is_read_than_can_be_answered(gateway: Any, bearer: Any) -> None:
    """The predictor is held back: reading stops when the groups that may be under way are."""
    read, held = 0, asyncio.Event()

    async def lines() -> AsyncIterator[bytes]:
        nonlocal read
        for i in range(100):
            read += 1
            yield b"\n".join(b'{"text": "c%d"}' % (32 * i + j) for j in range(32)) + b"\n"

    async def later(request: httpx.Request) -> httpx.Response:
        await held.wait()
        return httpx.Response(200, json=gateway.predictor.body(request))

    gateway.predictor.answer = later
    asking = asyncio.create_task(stream(gateway, bearer(), lines()))
    async with asyncio.timeout(10):
        while len(gateway.predictor.asked) < streaming.GROUPS_AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert read <= streaming.GROUPS_AT_ONCE + 2
    held.set()
    _, results = await asking
    assert len(results) == 3_200


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


@pytest.mark.parametrize(
    "cut", [(b"a\nb\nc",), (b"a", b"\n", b"b", b"\nc"), (b"a\nb\n", b"c\n"), (b"", b"a\n", b"b\nc")]
)
async def test_lines_are_found_however_the_body_is_cut(cut: Any) -> None:
    found = [line async for group in groups(pieces(*cut), 2) for line in group]
    assert found == [Line(1, b"a"), Line(2, b"b"), Line(3, b"c")]


async def test_what_is_there_is_answered_before_more_is_waited_for() -> None:
    found = [[line.number for line in group] async for group in groups(pieces(b"a\nb\nc\nd", b"\ne\n"), 2)]
    assert found == [[1, 2], [3], [4, 5]]


@pytest.mark.parametrize("size", [1, 1000, 200_000])
async def test_a_line_that_is_too_long_is_not_kept(size: Any) -> None:
    body = b"x" * (ndjson.LONGEST_LINE + 1) + b"\n" + b"y" * ndjson.LONGEST_LINE
    cut = [body[i : i + size] for i in range(0, len(body), size)]
    found = [line async for group in groups(pieces(*cut), 8) for line in group]
    assert found == [Line(1, None), Line(2, b"y" * ndjson.LONGEST_LINE)]
