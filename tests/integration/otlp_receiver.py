"""A collector of traces: takes what OpenTelemetry sends over HTTP, and keeps the spans."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Value = str | int | bool | float


@dataclass(frozen=True)
class Span:
    """What one process told of one stage; ids in hex, times in nanoseconds since 1970."""

    service: str
    trace: str
    id: str
    parent: str
    name: str
    began: int
    ended: int
    attributes: dict[str, Value]
    is_error: bool
    events: int


@dataclass
class Receiver:
    """Its address, and what it was told so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    raw: bytes = b""
    status: int = 200
    """What it answers; it keeps nothing of what it does not take."""
    asked: int = 0

    def until(self, enough: Callable[[list[Span]], object], seconds: float = 15.0) -> list[Span]:
        """Wait for spans; AssertionError with those that came."""
        end = time.monotonic() + seconds
        while not enough(self.spans):
            assert time.monotonic() < end, [(one.service, one.name) for one in self.spans]
            time.sleep(0.05)
        return list(self.spans)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.raw += body
        for of_process in request.resource_spans:
            about = {one.key: one.value.string_value for one in of_process.resource.attributes}
            for scope in of_process.scope_spans:
                self.spans += [
                    Span(
                        service=about["service.name"],
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        name=span.name,
                        began=span.start_time_unix_nano,
                        ended=span.end_time_unix_nano,
                        attributes={one.key: _value(one.value) for one in span.attributes},
                        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                        events=len(span.events),
                    )
                    for span in scope.spans
                ]


def _value(value: object) -> Value:
    found: Value = getattr(value, value.WhichOneof("value"))  # type: ignore[attr-defined]
    return found


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a collector on loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked += 1
            if receiver.status == 200 and self.path == "/v1/traces":
                receiver.take(body)
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
