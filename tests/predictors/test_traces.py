"""What a collector is told of a request to predict, by a real process."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..integration.otlp_receiver import Receiver, Span, receiving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "by-the-gateway-1"}
TEXT = "The customer Anna does agree."


@dataclass
class Predictor:
    client: httpx.Client
    log: Path
    token: Callable[[], str]

    def ask(self, *texts: object, **headers: str) -> int:
        answer = self.client.post(
            "/v1/models/tiny-en:predict",
            json={"instances": list(texts)},
            headers={"Authorization": f"Bearer {self.token()}"} | headers,
        )
        return answer.status_code


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def predictor(
    serve: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    publish_to: Callable[..., Path],
    gateway: Any,
    receiver: Receiver,
) -> Iterator[Predictor]:
    trust = tmp_path_factory.mktemp("trust") / "tls.crt"
    trust.write_bytes(gateway.public_pem())
    process = serve(
        publish_to(tmp_path_factory.mktemp("volume")),
        "--trust",
        trust,
        environment={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
    )
    process.until_ready()
    with process.client() as client:
        yield Predictor(client, process.log, gateway.token)


def stages(spans: list[Span], request: Span) -> list[str]:
    children = [span for span in spans if span.parent == request.id]
    return [span.name for span in sorted(children, key=lambda span: span.began)]


def newest(receiver: Receiver, since: int) -> tuple[Span, list[Span]]:
    """Wait for the request's own span, which is told of last; it and all that came with it."""
    spans = receiver.until(lambda spans: any(span.name == "infer tiny-en" for span in spans[since:]))[since:]
    (request,) = (span for span in spans if span.name == "infer tiny-en")
    return request, spans


def test_it_joins_the_trace_of_its_caller_and_says_where_the_time_went(
    predictor: Predictor, receiver: Receiver
) -> None:
    since, begun = len(receiver.spans), time.time_ns()
    assert predictor.ask(TEXT, "law " * 300, **CALLERS) == 200
    request, spans = newest(receiver, since)
    assert (request.service, request.trace, request.parent) == ("veriaidpo-predictor", TRACE, PARENT)
    assert stages(spans, request) == ["tokenise", "queue", "infer"]
    assert {key: value for key, value in request.attributes.items() if key != "veriaidpo.revision"} == {
        "veriaidpo.model": "tiny-en",
        "veriaidpo.request_id": "by-the-gateway-1",
        "veriaidpo.status": 200,
    }
    assert len(str(request.attributes["veriaidpo.revision"])) == 64
    queue = next(span for span in spans if span.name == "queue")
    assert queue.attributes == {"veriaidpo.tokens": 8 + 256}
    in_order = [span for name in ("tokenise", "queue", "infer") for span in spans if span.name == name]
    moments = [moment for span in in_order for moment in (span.began, span.ended)]
    a_little = 5_000_000  # the two clocks are read one after the other
    assert all(later > earlier - a_little for earlier, later in itertools.pairwise(moments))
    assert begun - a_little < moments[0]
    assert moments[-1] < request.ended + a_little
    for private in ("Anna", "customer", "agree"):
        assert private.encode() not in receiver.raw


def test_a_refusal_is_told_by_its_cause(predictor: Predictor, receiver: Receiver) -> None:
    since = len(receiver.spans)
    assert predictor.ask("law", **CALLERS, **{"X-Deadline-Ms": "0"}) == 504
    request, spans = newest(receiver, since)
    assert (request.is_error, request.attributes["error.type"], request.events) == (True, "deadline", 0)
    assert stages(spans, request) == ["tokenise", "queue"]


def test_who_may_not_ask_and_who_asks_for_something_else_is_not_traced(
    predictor: Predictor, receiver: Receiver
) -> None:
    since = len(receiver.spans)
    assert predictor.ask("law", **CALLERS, Authorization="Bearer nobody") == 401
    assert predictor.client.get("/metrics", headers=CALLERS).status_code == 200
    assert predictor.client.get("/v2/health/ready", headers=CALLERS).status_code == 200
    assert predictor.ask("law", **CALLERS) == 200
    newest(receiver, since)
    assert [span.name for span in receiver.spans[since:]].count("infer tiny-en") == 1


def test_what_its_caller_does_not_sample_it_does_not(predictor: Predictor, receiver: Receiver) -> None:
    since = len(receiver.spans)
    assert predictor.ask("law", traceparent=CALLERS["traceparent"][:-2] + "00") == 200
    assert predictor.ask("law", **{"X-Request-Id": "traced"}) == 200
    request, _ = newest(receiver, since)
    assert request.attributes["veriaidpo.request_id"] == "traced"
    assert request.parent == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        # It is named in the log, so a password has no place in it.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://somebody:hunter2@localhost:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "7"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(
    serve: Callable[..., Any], revision: Path, name: str, value: str
) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"} | {name: value}
    process = serve(revision, "--no-auth", environment=environment)
    assert process.process.wait(60) == 2
    log = process.log.read_text()
    assert name in log
    assert "hunter2" not in log
