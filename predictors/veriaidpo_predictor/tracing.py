"""Where a request to predict spends its time, told to whoever traces it.

Without a collector nothing is imported for it, and a stage costs the look at one variable.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

Value = str | int | bool
"""What may be told of a stage. Never a text."""

_NOTHING = nullcontext()


class SettingsError(Exception):
    """A collector that cannot be used as it is named; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which collector is told, and of which share of the traces that begin here, from 0 to 1."""

    endpoint: str
    """Its base address, http or https, with nothing in it that must not be logged."""

    ratio: float = 1.0


class Trace(Protocol):
    """One request's trace."""

    def took(self, name: str, began: float, ended: float, attributes: Mapping[str, Value]) -> None:
        """Tell of a stage that is over; seconds of time.monotonic."""

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Tell something of the request as a whole."""


class Tracer(Protocol):
    """Joins the traces of those who ask."""

    def request(self, model: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """Trace a request of somebody who may ask, as a part of the trace that `headers` name."""

    def close(self) -> None:
        """Send what was not sent yet, if that goes quickly. Blocks."""


class Untraced:
    """Traces nothing."""

    def request(self, model: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing."""
        return _NOTHING

    def close(self) -> None:
        """Do nothing."""


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Set by a tracer while a request is under way."""


def took(name: str, began: float, ended: float | None = None, **attributes: Value) -> None:
    """Tell of a stage of the request under way; seconds of time.monotonic, without an end until now."""
    trace = current.get()
    if trace is not None:
        trace.took(name, began, time.monotonic() if ended is None else ended, attributes)


def note(**attributes: Value) -> None:
    """Tell something of the request under way."""
    trace = current.get()
    if trace is not None:
        trace.note(attributes)


def settings(environ: Mapping[str, str]) -> Settings | None:
    """Read OpenTelemetry's own variables; raises SettingsError. None where no collector is named."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if not endpoint:
        return None
    if not _is_usable(endpoint):
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https address without a user and a password."
        )
    try:
        ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or 1)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingsError("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1.")
    return Settings(endpoint, ratio)


def _is_usable(endpoint: str) -> bool:
    """Tell whether it is an address that may be logged: a password belongs into the headers, as a secret."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc


def open_tracer(given: Settings | None) -> Tracer:
    """Begin to trace, where there is a collector to send it to."""
    if given is None:
        return Untraced()
    from veriaidpo_predictor.collector import Collector  # noqa: PLC0415  half a second, for those who trace

    return Collector(given)
