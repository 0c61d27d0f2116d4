"""What /metrics tells. Label values come from the manifests and from fixed lists, never from a request."""

import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from veriaidpo_predictor.batching import Logits, Run

_READY = Gauge("veriaidpo_model_ready", "1 when the model answers", ["model"])
_INFO = Gauge("veriaidpo_model_info", "Which revision is loaded", ["model", "revision", "format"])
_WAITING = Gauge("veriaidpo_queue_tokens", "Tokens waiting to be computed", ["model"])
_BATCH_ROWS = Histogram(
    "veriaidpo_batch_rows", "Texts computed together", ["model"], buckets=(1, 2, 4, 8, 16, 32)
)
_BATCH_SECONDS = Histogram(
    "veriaidpo_batch_seconds",
    "Time of one run of the engine",
    ["model"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
_TOKENS = Counter("veriaidpo_tokens", "Tokens computed, padding not counted", ["model"])
_REQUESTS = Counter("veriaidpo_requests", "Answered requests to predict", ["model", "code"])
_SECONDS = Histogram(
    "veriaidpo_request_seconds",
    "From the first byte of a request to predict to its answer",
    ["model"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)

CODES = (200, 400, 401, 404, 413, 500, 503, 504)


def ready(model: str, *, is_ready: bool) -> None:
    """Tell whether a model answers."""
    _READY.labels(model).set(1 if is_ready else 0)


def loaded(model: str, revision: str, kind: str) -> None:
    """Tell which revision of a model this process has."""
    _INFO.labels(model, revision, kind).set(1)


def watch_queue(model: str, waiting: Callable[[], int]) -> None:
    """Let the gauge of a queue ask the queue itself."""
    _WAITING.labels(model).set_function(waiting)


def timed(model: str, run: Run) -> Run:
    """Count the batches, texts and tokens of an engine."""
    rows, seconds, tokens = _BATCH_ROWS.labels(model), _BATCH_SECONDS.labels(model), _TOKENS.labels(model)

    def measured(batch: list[list[int]]) -> Logits | list[Logits]:
        started = time.perf_counter()
        found = run(batch)
        seconds.observe(time.perf_counter() - started)
        rows.observe(len(batch))
        tokens.inc(sum(map(len, batch)))
        return found

    return measured


def answered(model: str, code: int, seconds: float) -> None:
    """Count one answer of a known model; a code that is not in the list counts as 500."""
    _REQUESTS.labels(model, str(code if code in CODES else 500)).inc()
    _SECONDS.labels(model).observe(seconds)
