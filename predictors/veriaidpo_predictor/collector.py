"""Spans of requests, sent to an OpenTelemetry collector over HTTP. Imported only where one is configured.

A span tells a model, a revision, lengths and times, never a text. A collector that is away costs no request
anything: what it should have had is dropped, and said once.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from veriaidpo_predictor import tracing
from veriaidpo_predictor.tracing import Settings, Value

_SEND_SECONDS = 3.0
_CLOSE_SECONDS = 2.0

log = logging.getLogger("veriaidpo.traces")


class Collector:
    """Traces every request, or the share of them that the settings ask for."""

    def __init__(self, given: Settings) -> None:
        # Its makers' own log would tell of every attempt to send.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        session = requests.Session()
        session.trust_env = False  # no proxy and no .netrc of the environment
        exporter = OTLPSpanExporter(
            endpoint=given.endpoint.rstrip("/") + "/v1/traces", timeout=_SEND_SECONDS, session=session
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(given.ratio)),
            resource=Resource.create(
                {
                    "service.name": "veriaidpo-predictor",
                    "service.version": version("veriaidpo-predictor"),
                    "service.instance.id": socket.gethostname(),
                }
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(SaidOnce(exporter, given.endpoint), schedule_delay_millis=1000)
        )
        self._tracer = self._provider.get_tracer("veriaidpo_predictor")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, model: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Trace one request, as a part of its caller's trace where it names one."""
        named = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
        with self._tracer.start_as_current_span(
            f"infer {model}",
            context=self._propagator.extract(named, context=Context()),
            kind=SpanKind.SERVER,
            attributes={"veriaidpo.model": model, "veriaidpo.request_id": headers.get("x-request-id", "")},
            # An exception's text may repeat a caller's: only its kind is told.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            before = tracing.current.set(_Trace(self._tracer, span))
            try:
                yield
            except BaseException as error:
                refusal = getattr(error, "refusal", None)
                span.set_attribute("error.type", getattr(refusal, "cause", type(error).__name__))
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                tracing.current.reset(before)

    def close(self) -> None:
        """Send the rest; a collector that does not take it soon does not hold the process up."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(_CLOSE_SECONDS)


class SaidOnce(SpanExporter):
    """An exporter that says once that the collector is away, and once that it is back."""

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        self._exporter, self._endpoint = exporter, endpoint
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those that cannot be sent are lost."""
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away != self._away:
            self._away = away
            if away:
                log.warning("the collector %s takes no traces: they are dropped", self._endpoint)
            else:
                log.info("the collector %s takes traces again", self._endpoint)
        return result

    def shutdown(self) -> None:
        """End it."""
        self._exporter.shutdown()


class _Trace:
    """The stages of one request."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer, self._span = tracer, span

    def took(self, name: str, began: float, ended: float, attributes: Mapping[str, Value]) -> None:
        behind = time.time() - time.monotonic()  # what lies between the two clocks now
        child = self._tracer.start_span(
            name, start_time=_nanoseconds(began + behind), attributes=_named(attributes)
        )
        child.end(_nanoseconds(ended + behind))

    def note(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(_named(attributes))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {f"veriaidpo.{key}": value for key, value in attributes.items()}
