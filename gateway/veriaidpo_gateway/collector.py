"""Spans of requests, sent to an OpenTelemetry collector over HTTP. Imported only where one is configured.

A span tells of a request what its log line tells, and nothing of who asked or what. A collector that is away
costs no request anything: what it should have had is dropped, and said once.
"""

import logging
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from ipaddress import IPv4Network, IPv6Network, ip_address

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from veriaidpo_gateway import __version__, tracing
from veriaidpo_gateway.exchange import Exchange, known_method
from veriaidpo_gateway.trace_settings import TraceSettings
from veriaidpo_gateway.tracing import Value

MOST_STAGES = 128
"""Of one request; a stream of a million lines is told of by its first ones."""

_SEND_SECONDS = 3.0
_CLOSE_SECONDS = 2.0

_log = logging.getLogger(__name__)
_propagator = TraceContextTextMapPropagator()


class Collector:
    """Traces every request, or the share of them that the settings ask for."""

    def __init__(self, settings: TraceSettings) -> None:
        # Its makers' own log would tell of every attempt to send.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        session = requests.Session()
        session.trust_env = False  # no proxy and no .netrc of the environment
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint.rstrip("/") + "/v1/traces", timeout=_SEND_SECONDS, session=session
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.ratio)),
            resource=Resource.create(
                {
                    "service.name": "veriaidpo-gateway",
                    "service.version": __version__,
                    "service.instance.id": socket.gethostname(),
                }
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(SaidOnce(exporter, settings.endpoint), schedule_delay_millis=1000)
        )
        self._tracer = self._provider.get_tracer("veriaidpo_gateway")
        self._trusted = settings.trusted

    @contextmanager
    def request(self, scope: Scope, exchange: Exchange) -> Iterator[None]:
        """Trace one request; what is known of it at its end is told with it."""
        with self._tracer.start_as_current_span(
            "request", context=_parent(scope, self._trusted), kind=SpanKind.SERVER
        ) as span:
            exchange.trace_id = f"{span.get_span_context().trace_id:032x}"
            before = tracing.current.set(_Trace(self._tracer, span))
            try:
                yield
            finally:
                tracing.current.reset(before)
                _tell(span, known_method(scope), exchange)

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
                _log.warning("the collector %s takes no traces: they are dropped", self._endpoint)
            else:
                _log.info("the collector %s takes traces again", self._endpoint)
        return result

    def shutdown(self) -> None:
        """End it."""
        self._exporter.shutdown()


class _Trace:
    """The stages of one request."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer, self._span = tracer, span
        self._left = MOST_STAGES if span.is_recording() else 0

    def stage(self, name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[None]:
        if not self._left:
            return nullcontext()
        self._left -= 1
        return self._stage(name, attributes)

    @contextmanager
    def _stage(self, name: str, attributes: Mapping[str, Value]) -> Iterator[None]:
        # An exception's text may repeat a caller's: only its kind is told.
        with self._tracer.start_as_current_span(
            name,
            attributes={f"veriaidpo.{key}": value for key, value in attributes.items()},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                code = getattr(error, "code", None)
                span.set_attribute("error.type", getattr(code, "value", type(error).__name__))
                span.set_status(StatusCode.ERROR)
                raise

    def headers(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier


def _parent(scope: Scope, trusted: Sequence[IPv4Network | IPv6Network]) -> Context:
    """Go on with the trace of a client that may name one; anybody else begins a new one."""
    named = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(named) != 1 or not _is_among(scope.get("client"), trusted):
        return Context()
    return _propagator.extract({"traceparent": named[0].decode("latin-1")}, context=Context())


def _is_among(client: tuple[str, int] | None, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)


def _tell(span: Span, method: str, exchange: Exchange) -> None:
    span.update_name(f"{method} {exchange.route}")
    known: dict[str, Value | None] = {
        "http.request.method": method,
        "http.route": exchange.route,
        "http.response.status_code": exchange.status,
        "veriaidpo.request_id": exchange.request_id,
        "veriaidpo.code": exchange.code,
        "veriaidpo.model": exchange.model,
        "veriaidpo.revision": exchange.revision,
        "veriaidpo.cached": exchange.cached,
        "veriaidpo.items": exchange.items,
    }
    span.set_attributes({name: value for name, value in known.items() if value is not None})
    if exchange.status >= 500:
        span.set_status(StatusCode.ERROR)
