"""Where a request spends its time, told to whoever traces it: one line at each stage of the way.

Without a collector nothing is imported for it, and a stage costs the look at one variable.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from starlette.types import Scope

from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.trace_settings import TraceSettings

Value = str | int | bool
"""What may be told of a stage. Never a text, a user or a tenant."""

_NOTHING = nullcontext()


class Trace(Protocol):
    """One request's trace, as far as its stages have to know it."""

    def stage(self, name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[None]:
        """Time what is done within; whatever is raised goes on."""

    def headers(self) -> dict[str, str]:
        """Name the stage under way, for the one who is asked in it."""


class Tracer(Protocol):
    """Begins the traces of a gateway."""

    def request(self, scope: Scope, exchange: Exchange) -> AbstractContextManager[None]:
        """Trace a request from its first to its last moment; notes the trace's id in the exchange."""

    def close(self) -> None:
        """Send what was not sent yet, if that goes quickly. Blocks."""


class Untraced:
    """Traces nothing."""

    def request(self, scope: Scope, exchange: Exchange) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing."""
        return _NOTHING

    def close(self) -> None:
        """Do nothing."""


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Set by a tracer while a request is under way, and inherited by the tasks and threads it starts."""


def stage(name: str, **attributes: Value) -> AbstractContextManager[None]:
    """Time what is done within, as part of the request under way."""
    trace = current.get()
    return _NOTHING if trace is None else trace.stage(name, attributes)


def headers() -> dict[str, str]:
    """Give the headers by which whoever is asked now joins the trace."""
    trace = current.get()
    return {} if trace is None else trace.headers()


def open_tracer(settings: TraceSettings | None) -> Tracer:
    """Begin to trace, where there is a collector to send it to."""
    if settings is None:
        return Untraced()
    from veriaidpo_gateway.collector import Collector  # noqa: PLC0415  half a second, for those who trace

    return Collector(settings)
