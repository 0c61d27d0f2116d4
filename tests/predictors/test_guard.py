"""What the guard makes of an application that refuses, fails or breaks off, without kserve behind it."""

import asyncio
import logging
from typing import Any

import pytest
from prometheus_client import REGISTRY

from veriaidpo_predictor.serving import guard, refusals
from veriaidpo_predictor.serving.guard import Guard, Message, Receive, Scope, Send
from veriaidpo_predictor.serving.refusals import RefusedError
from veriaidpo_predictor.serving.registry import Registry
from veriaidpo_predictor.tracing import Untraced

SECRET = "Nguyễn Văn Bí Mật"


async def ask(
    app: Any, registry: Registry, *messages: Message, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Post to the model; `messages` are what the server receives of the body."""
    left = list(messages or [{"type": "http.request", "body": b"{}"}])
    sent: list[Message] = []

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/models/tiny-en:predict",
        "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()],
    }
    await Guard(app, registry=registry, trust=None, tracer=Untraced())(scope, receive, send)
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


def raising(error: Exception) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


async def test_a_full_queue_is_a_503_that_says_when_to_come_again(registry: Registry) -> None:
    status, headers, body = await ask(raising(RefusedError(refusals.busy(7))), registry, x_request_id="r-1")
    assert (status, headers["retry-after"], headers["x-request-id"]) == (503, "7", "r-1")
    assert body == b'{"error": "The model has too much to do."}'


@pytest.mark.parametrize(
    "refusal",
    [
        refusals.busy(1),
        refusals.not_ready("It loads."),
        refusals.DEADLINE,
        refusals.FAILED,
        refusals.TOO_LARGE,
    ],
    ids=lambda refusal: refusal.cause,
)
async def test_a_refusal_is_counted_by_its_cause(registry: Registry, refusal: refusals.Refusal) -> None:
    def counted() -> float:
        labels = {"model": "tiny-en", "cause": refusal.cause}
        return REGISTRY.get_sample_value("veriaidpo_refused_total", labels) or 0.0

    before = counted()
    await ask(raising(RefusedError(refusal)), registry)
    assert counted() == before + 1


async def test_whatever_fails_is_a_500_whose_text_nobody_sees(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        status, _, body = await ask(raising(FileNotFoundError(SECRET)), registry)
    assert (status, body) == (500, b'{"error": "The model could not compute an answer."}')
    assert SECRET not in caplog.text
    assert caplog.records[-1].__dict__["type"] == "FileNotFoundError"
    assert caplog.records[-1].__dict__["where"].startswith("test_guard.py:")


async def test_a_body_that_does_not_arrive_is_given_up(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)
    first: Message = {"type": "http.request", "body": b"{", "more_body": True}
    status, headers, _ = await ask(raising(AssertionError()), registry, first)
    assert (status, headers["connection"]) == (408, "close")


async def test_a_body_that_grows_beyond_the_limit_is_not_kept(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_BODY_BYTES", 10)
    part: Message = {"type": "http.request", "body": b"123456", "more_body": True}
    assert (await ask(raising(AssertionError()), registry, part, part, part))[0] == 413


async def test_headers_beyond_the_limit_are_refused(registry: Registry) -> None:
    assert (await ask(raising(AssertionError()), registry, x_long="a" * 20_000))[0] == 400
