"""What is measured of the operator. Labels are names of Models and verbs: never an address or a person."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import Status

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class Metrics:
    """Counters of one operator, in a registry of their own. May be called from several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "veriaidpo_operator_api_calls",
            "Requests sent to the API server, by HTTP method; watches not counted.",
            ("method",),
            registry=self.registry,
        )
        self.look_seconds = Histogram(
            "veriaidpo_operator_look_seconds",
            "How long it took to look at a Model and to do what was to be done.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._damaged_at = Gauge(
            "veriaidpo_operator_damaged_at_seconds",
            "When a predictor last found other bytes of a Model than were published, as Unix time; "
            "none for a Model of which none ever did.",
            ("model",),
            registry=self.registry,
        )
        self._latest: dict[str, datetime] = {}

    def called(self, method: str) -> None:
        """Count a request that is sent to the API server."""
        self._calls.labels(method).inc()

    def told(self, model: str, status: Status) -> None:
        """Note what a Model's status says now.

        The moment is kept when the status says so no more: a revision that was fetched anew within seconds
        was damaged all the same, and whoever scrapes every half a minute has to be told.
        """
        times = [q.time for q in status.quarantined if q.reason == Reason.REVISION_DAMAGED]
        failure = status.last_failure
        if failure is not None and failure.reason == Reason.REVISION_DAMAGED:
            times.append(failure.time)
        if model in self._latest:
            times.append(self._latest[model])
        if times:
            self._latest[model] = max(times)
            self._damaged_at.labels(model).set(max(times).timestamp())

    def gone(self, model: str) -> None:
        """Forget a Model that is there no more."""
        if self._latest.pop(model, None) is not None:
            self._damaged_at.remove(model)

    def serve(self, port: int) -> None:
        """Answer on a port, in a thread of its own; OSError when it is taken."""
        start_http_server(port, registry=self.registry)
