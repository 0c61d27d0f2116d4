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
        self._condition = Gauge(
            "veriaidpo_operator_model_condition",
            "1 for what each condition of a Model says now: one series for each condition.",
            ("model", "type", "reason", "status"),
            registry=self.registry,
        )
        self._said: dict[str, frozenset[tuple[str, str, str]]] = {}

    def called(self, method: str) -> None:
        """Count a request that is sent to the API server."""
        self._calls.labels(method).inc()

    def told(self, model: str, status: Status) -> None:
        """Note what a Model's status says now."""
        self._conditions(model, frozenset((c.type, c.reason, c.status) for c in status.conditions))
        self._damage(model, status)

    def _conditions(self, model: str, now: frozenset[tuple[str, str, str]]) -> None:
        """Tell the conditions of a Model, and those of before no more."""
        before = self._said.pop(model, frozenset())
        for gone in before - now:
            self._condition.remove(model, *gone)
        for one in now - before:
            self._condition.labels(model, *one).set(1)
        if now:
            self._said[model] = now

    def _damage(self, model: str, status: Status) -> None:
        """Tell when a Model's bytes were last found to be others.

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
        self._conditions(model, frozenset())
        if self._latest.pop(model, None) is not None:
            self._damaged_at.remove(model)

    def serve(self, port: int) -> None:
        """Answer on a port, in a thread of its own; OSError when it is taken."""
        start_http_server(port, registry=self.registry)
