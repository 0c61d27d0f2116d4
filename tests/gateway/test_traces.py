"""What a collector is told of a request: the stages of its way, and nothing of who asked or what."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from veriaidpo_gateway import collector, tracing
from veriaidpo_gateway.trace_settings import TraceSettings
from veriaidpo_gateway.tracing import Tracer

from ..integration.otlp_receiver import Receiver, Span, receiving

TEXT = "Nguyễn Văn A mua hàng"
SOMEBODY = {"sub": "anna@example.vn", "tenant_id": "cty-x"}
OTHERS_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def traced(receiver: Receiver) -> Iterator[Callable[..., Tracer]]:
    """Begin to trace into the receiver, with some settings or the usual ones."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> Tracer:
            tracer = tracing.open_tracer(TraceSettings(receiver.url, **settings))
            stack.callback(tracer.close)
            return tracer

        yield begin


def roots(spans: list[Span]) -> list[Span]:
    return sorted((span for span in spans if span.name.startswith("POST")), key=lambda span: span.began)


def stages(spans: list[Span], request: Span) -> list[str]:
    children = [span for span in spans if span.parent == request.id]
    return [span.name for span in sorted(children, key=lambda span: span.began)]


def is_sampled(traceparent: str) -> bool:
    return bool(int(traceparent.rsplit("-", 1)[1], 16) & 1)


async def test_a_trace_has_the_stages_of_the_way_and_nobodys_data(
    run_gateway: Callable[..., Any],
    traced: Callable[..., Tracer],
    receiver: Receiver,
    bearer: Bearer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracer = traced()
    headers = {**bearer(**SOMEBODY), "X-Request-Id": "by-the-caller-1"}
    with caplog.at_level(logging.INFO, "veriaidpo_gateway.http.edge"):
        async with run_gateway(per_user=50, tracer=tracer) as gateway:
            asked = [await gateway.classify(TEXT, headers) for _ in range(2)]
    tracer.close()
    assert [answer.status_code for answer in asked] == [200, 200]

    first, second = roots(receiver.spans)
    assert first.trace != second.trace
    assert stages(receiver.spans, first) == ["authenticate", "limit", "normalise", "cache", "predict"]
    assert stages(receiver.spans, second) == ["authenticate", "limit", "normalise", "cache"]
    assert (first.service, first.name, first.parent) == ("veriaidpo-gateway", "POST classify", "")
    assert first.attributes == {
        "http.request.method": "POST",
        "http.route": "classify",
        "http.response.status_code": 200,
        "veriaidpo.request_id": "by-the-caller-1",
        "veriaidpo.model": "principles-vi",
        "veriaidpo.revision": gateway.predictor.revision,
        "veriaidpo.cached": False,
    }
    assert second.attributes["veriaidpo.cached"] is True

    logged = [record.fields["trace_id"] for record in caplog.records]  # type: ignore[attr-defined]
    assert logged == [first.trace, second.trace]
    (predict,) = (span for span in receiver.spans if span.name == "predict")
    (sent,) = (one.headers["traceparent"] for one in gateway.predictor.asked)
    assert sent.split("-")[1:3] == [first.trace, predict.id]
    assert is_sampled(sent)
    for private in (TEXT, "Nguyễn", "anna", "cty-x"):
        assert private.encode() not in receiver.raw


async def test_a_refusal_is_told_by_its_code_and_where_it_happened(
    run_gateway: Callable[..., Any], traced: Callable[..., Tracer], receiver: Receiver
) -> None:
    tracer = traced()
    async with run_gateway(tracer=tracer) as gateway:
        await gateway.classify(TEXT, {"Authorization": "Bearer hush-hush"})
    tracer.close()
    (request,) = roots(receiver.spans)
    (stage,) = (span for span in receiver.spans if span.parent)
    assert (stage.name, stage.is_error, stage.events) == ("authenticate", True, 0)
    assert stage.attributes["error.type"] == request.attributes["veriaidpo.code"] == "unauthenticated"
    assert (request.attributes["http.response.status_code"], request.is_error) == (401, False)
    assert b"hush" not in receiver.raw


async def test_a_failure_of_ours_is_an_error_without_its_text(
    run_gateway: Callable[..., Any], traced: Callable[..., Tracer], receiver: Receiver, bearer: Bearer
) -> None:
    tracer = traced()
    async with run_gateway(tracer=tracer) as gateway:
        gateway.predictor.answer = lambda _: httpx.Response(500, text="ValueError: " + TEXT)
        answer = await gateway.classify(TEXT, bearer())
    tracer.close()
    assert answer.status_code == 503
    (predict,) = (span for span in receiver.spans if span.name == "predict")
    assert (predict.is_error, predict.attributes["error.type"]) == (True, "model_unavailable")
    assert roots(receiver.spans)[0].is_error
    assert TEXT.encode() not in receiver.raw


@pytest.mark.parametrize(
    ("client", "goes_on"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.7", False),
        ("2001:db8::1", False),
        ("no address", False),
    ],
)
async def test_only_a_trusted_client_names_the_trace(
    run_gateway: Callable[..., Any],
    traced: Callable[..., Tracer],
    receiver: Receiver,
    bearer: Bearer,
    client: str,
    *,
    goes_on: bool,
) -> None:
    tracer = traced(trusted=(ip_network("10.0.0.0/8"),))
    async with run_gateway(tracer=tracer, client=(client, 123)) as gateway:
        await gateway.classify(TEXT, {**bearer(), "traceparent": OTHERS_TRACE})
    tracer.close()
    (request,) = roots(receiver.spans)
    _, trace, parent, _ = OTHERS_TRACE.split("-")
    assert (request.trace == trace, request.parent == parent) == (goes_on, goes_on)


async def test_nobody_is_trusted_who_is_not_named(
    run_gateway: Callable[..., Any], traced: Callable[..., Tracer], receiver: Receiver, bearer: Bearer
) -> None:
    tracer = traced()
    async with run_gateway(tracer=tracer) as gateway:
        await gateway.classify(TEXT, {**bearer(), "traceparent": OTHERS_TRACE})
    tracer.close()
    assert roots(receiver.spans)[0].parent == ""


@pytest.mark.parametrize(
    "named", [["nonsense"], [OTHERS_TRACE, OTHERS_TRACE], [f"00-{'0' * 32}-{'0' * 16}-01"]]
)
async def test_a_trace_that_is_named_badly_is_a_new_one(
    run_gateway: Callable[..., Any],
    traced: Callable[..., Tracer],
    receiver: Receiver,
    bearer: Bearer,
    named: list[str],
) -> None:
    tracer = traced(trusted=(ip_network("0.0.0.0/0"),))
    async with run_gateway(tracer=tracer) as gateway:
        headers = [*bearer().items(), *(("traceparent", one) for one in named)]
        answer = await gateway.public.post("/classify", json={"text": TEXT}, headers=headers)
    tracer.close()
    assert answer.status_code == 200
    assert roots(receiver.spans)[0].parent == ""


async def test_what_is_not_sampled_is_not_sampled_further_on(
    run_gateway: Callable[..., Any], traced: Callable[..., Tracer], receiver: Receiver, bearer: Bearer
) -> None:
    tracer = traced(ratio=0.0)
    async with run_gateway(tracer=tracer) as gateway:
        await gateway.classify(TEXT, bearer())
    tracer.close()
    (sent,) = (one.headers["traceparent"] for one in gateway.predictor.asked)
    assert not is_sampled(sent)
    assert receiver.asked == 0


async def test_a_stream_is_told_of_by_its_first_stages(
    run_gateway: Callable[..., Any], traced: Callable[..., Tracer], receiver: Receiver, bearer: Bearer
) -> None:
    tracer = traced()
    lines = "".join(json.dumps({"text": f"câu {number}"}) + "\n" for number in range(3000))
    async with run_gateway(tracer=tracer) as gateway:
        answer = await gateway.public.post(
            "/batch-classify",
            content=lines.encode(),
            headers={**bearer(), "Content-Type": "application/x-ndjson"},
        )
    tracer.close()
    assert answer.text.count("\n") == 3001  # and the last line
    (request,) = roots(receiver.spans)
    assert request.attributes["veriaidpo.items"] == 3000
    assert len(receiver.spans) == 1 + collector.MOST_STAGES
