"""What is measured. Labels are routes, models and codes: never a tenant, a user or a text."""

from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from veriaidpo_gateway.exchange import Exchange

M = TypeVar("M", Counter, Histogram)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._requests = Counter(
            "veriaidpo_gateway_requests",
            "Answers by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self._errors = Counter(
            "veriaidpo_gateway_errors", "Errors by code.", ("code",), registry=self.registry
        )
        self._seconds = Histogram(
            "veriaidpo_gateway_request_seconds",
            "From the first header to the whole answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._classifications = Counter(
            "veriaidpo_gateway_classifications",
            "Classifications answered, by model and whether the cache had them.",
            ("model", "cached"),
            registry=self.registry,
        )
        self.cache_refused = Counter(
            "veriaidpo_gateway_cache_entries_refused",
            "Entries of the cache that were cut, changed, moved or written by somebody else.",
            registry=self.registry,
        )
        self.redis_refused = Counter(
            "veriaidpo_gateway_redis_refused",
            "Calls that Redis answered with an error, by its kind.",
            ("error",),
            registry=self.registry,
        )
        self.redis_up = Gauge(
            "veriaidpo_gateway_redis_up",
            "1 while Redis answers and takes what it is given.",
            registry=self.registry,
        )
        self.companies_up = Gauge(
            "veriaidpo_gateway_companies_up",
            "1 while the database of companies answers.",
            registry=self.registry,
        )
        self.companies_known = Gauge(
            "veriaidpo_gateway_companies_known", "Companies of the registry.", registry=self.registry
        )
        self.records_stored = Counter(
            "veriaidpo_gateway_records_stored", "Decision records in the database.", registry=self.registry
        )
        self.records_spooled = Counter(
            "veriaidpo_gateway_records_spooled",
            "Decision records that went to the disk first, since the database was away.",
            registry=self.registry,
        )
        self.records_lost = Counter(
            "veriaidpo_gateway_records_lost",
            "Answers that were given and could not be recorded.",
            registry=self.registry,
        )
        self.records_waiting = Gauge(
            "veriaidpo_gateway_records_waiting",
            "Answers whose records are in memory alone.",
            registry=self.registry,
        )
        self.records_on_disk = Gauge(
            "veriaidpo_gateway_records_spooled_bytes",
            "Bytes of decision records on the disk that the database has not got yet.",
            registry=self.registry,
        )
        self.models_servable = Gauge(
            "veriaidpo_gateway_models_servable", "Models that answer now.", registry=self.registry
        )
        self.models_known = Gauge(
            "veriaidpo_gateway_models_known", "Model resources known.", registry=self.registry
        )
        self.models_away = Gauge(
            "veriaidpo_gateway_models_away",
            "Models that should answer and do not; one that was suspended before it ever did should not.",
            registry=self.registry,
        )
        self.routes_connected = Gauge(
            "veriaidpo_gateway_routes_connected",
            "1 while the source of routes can be reached.",
            registry=self.registry,
        )

    def observe(self, exchange: Exchange, seconds: float) -> None:
        """Count one finished exchange."""
        self._child(self._requests, exchange.route, str(exchange.status)).inc()
        self._child(self._seconds, exchange.route).observe(seconds)
        if exchange.code is not None:
            self._child(self._errors, exchange.code).inc()
        if exchange.model is not None and exchange.cached is not None:
            self._classified(exchange.model, exchange.cached).inc()
        for (model, cached), answers in exchange.answers.items():
            self._classified(model, cached).inc(answers)

    def _classified(self, model: str, cached: bool) -> Counter:
        return self._child(self._classifications, model, str(cached).lower())

    def _child(self, metric: M, *labels: str) -> M:
        """Find what counts for these labels: the library checks and locks each time anew."""
        found: M | None = self._children.get((metric, labels))
        if found is None:
            found = self._children[metric, labels] = metric.labels(*labels)
        return found

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)
