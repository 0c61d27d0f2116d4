"""What /metrics tells. Label values come from the manifests and from fixed lists, never from a request."""

import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from veriaidpo_predictor.computing.network import Logits, Run
from veriaidpo_predictor.computing.queueing import Queue
from veriaidpo_predictor.serving import refusals
from veriaidpo_predictor.serving.drift import Recent
from veriaidpo_predictor.serving.refusals import Refusal

_READY = Gauge("veriaidpo_model_ready", "1 when the model answers", ["model"])
_INFO = Gauge("veriaidpo_model_info", "Which revision is loaded", ["model", "revision", "format"])
_TOKENISE_SECONDS = Histogram(
    "veriaidpo_tokenise_seconds",
    "From the texts of a request to their ids",
    ["model"],
    buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1),
)
_WAIT_SECONDS = Histogram(
    "veriaidpo_wait_seconds",
    "Time that a text waited for an engine thread",
    ["model"],
    buckets=(0.0005, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
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
_PADDING = Counter(
    "veriaidpo_padding_tokens", "Places of a batch that only its longest text fills", ["model"]
)
_TRUNCATED = Counter("veriaidpo_truncated_texts", "Texts that were longer than the model reads", ["model"])
_LABELS = Counter("veriaidpo_labels", "Labels given", ["model", "revision", "label"])
_CONFIDENCE = Histogram(
    "veriaidpo_confidence",
    "Probability of each label that was given",
    ["model", "revision"],
    buckets=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
)
_DRIFT = Gauge(
    "veriaidpo_drift",
    "Population stability index of the latest answers against the calibration sentences; NaN while too few",
    ["model", "revision", "of"],
)
_REFUSED = Counter(
    "veriaidpo_refused",
    "Requests to predict that were refused; no model where it is unknown",
    ["model", "cause"],
)
_DAMAGED = Counter(
    "veriaidpo_damaged", "How often other bytes were found on the volume than were published", ["model"]
)
_UNREADABLE = Counter(
    "veriaidpo_unreadable", "How often the volume did not give what was to be compared again", ["model"]
)
_REQUESTS = Counter("veriaidpo_requests", "Answered requests to predict", ["model", "code"])
_SECONDS = Histogram(
    "veriaidpo_request_seconds",
    "From the first byte of a request to predict to its answer",
    ["model"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)

_OF_A_MODEL = (
    _READY, _INFO, _WAITING, _TOKENISE_SECONDS, _WAIT_SECONDS, _BATCH_ROWS, _BATCH_SECONDS, _TOKENS, _PADDING,
    _TRUNCATED, _LABELS, _CONFIDENCE, _DRIFT, _REFUSED, _DAMAGED, _UNREADABLE, _REQUESTS,
    _SECONDS,
)  # fmt: skip

_ALARMING = ("deadline", "failed", "queue_full", "stuck")

CODES = frozenset({200, *(one.status for one in vars(refusals).values() if isinstance(one, Refusal))})


def ready(model: str, *, is_ready: bool) -> None:
    """Tell whether a model answers."""
    _READY.labels(model).set(1 if is_ready else 0)


def loaded(model: str, revision: str, kind: str) -> None:
    """Tell which revision of a model this process has."""
    _INFO.remove_by_labels({"model": model})
    _INFO.labels(model, revision, kind).set(1)
    # A counter that begins with one was never seen to rise: those that alerts are about begin with none.
    _DAMAGED.labels(model)
    _UNREADABLE.labels(model)
    for cause in _ALARMING:
        _REFUSED.labels(model, cause)


def damaged(model: str) -> None:
    """Count that a model that answered has other bytes on its volume by now."""
    _DAMAGED.labels(model).inc()


def unreadable(model: str) -> None:
    """Count that a model's files could not be read again; nothing is known against it."""
    _UNREADABLE.labels(model).inc()


def watch_queue(model: str, queue: Queue) -> None:
    """Let the gauge of a queue ask the queue itself, and the queue tell how long its rows waited."""
    _WAITING.labels(model).set_function(lambda: queue.waiting_tokens)
    queue.waited = _WAIT_SECONDS.labels(model).observe


def watch_drift(model: str, revision: str, recent: Recent | None) -> None:
    """Let the gauges of drift ask what they are about, and nobody where nothing is known to compare with."""
    _DRIFT.remove_by_labels({"model": model})
    if recent is not None:
        _DRIFT.labels(model, revision, "labels").set_function(recent.of_labels)
        _DRIFT.labels(model, revision, "confidence").set_function(recent.of_confidence)


def forget(model: str) -> None:
    """Tell nothing more of a model that has gone."""
    for one in _OF_A_MODEL:
        one.remove_by_labels({"model": model})


def timed(model: str, run: Run) -> Run:
    """Count the batches, texts and tokens of an engine."""
    rows, seconds = _BATCH_ROWS.labels(model), _BATCH_SECONDS.labels(model)
    tokens, padding = _TOKENS.labels(model), _PADDING.labels(model)

    def measured(batch: list[list[int]]) -> Logits | list[Logits]:
        started = time.perf_counter()
        found = run(batch)
        seconds.observe(time.perf_counter() - started)
        rows.observe(len(batch))
        lengths = [len(row) for row in batch]
        tokens.inc(sum(lengths))
        padding.inc(len(lengths) * max(lengths) - sum(lengths))
        return found

    return measured


def answered(model: str, code: int, seconds: float) -> None:
    """Count one answer of a known model; a code that is not in the list counts as 500."""
    _REQUESTS.labels(model, str(code if code in CODES else 500)).inc()
    _SECONDS.labels(model).observe(seconds)


def tokenised(model: str, seconds: float, truncated: int) -> None:
    """Count the work of making ids, and the texts that lost their ends by it."""
    _TOKENISE_SECONDS.labels(model).observe(seconds)
    _TRUNCATED.labels(model).inc(truncated)


def told(model: str, revision: str, labels: Iterable[tuple[str, float]]) -> None:
    """Count labels that were given, each with its probability."""
    confidence = _CONFIDENCE.labels(model, revision)
    for label, probability in labels:
        _LABELS.labels(model, revision, label).inc()
        confidence.observe(probability)


def refused(model: str, cause: str) -> None:
    """Count a request to predict that got no answer; `cause` is that of a Refusal."""
    _REFUSED.labels(model, cause).inc()
