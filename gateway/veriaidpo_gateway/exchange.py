"""One request and its answer, as far as the log line and the headers need to know them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Scope

if TYPE_CHECKING:
    from veriaidpo_gateway.identity.access import Caller
    from veriaidpo_gateway.limiting.windows import Taken

SCOPE_KEY = "veriaidpo.exchange"


@dataclass(slots=True)
class Exchange:
    """Filled in on the way. `started` is in monotonic seconds."""

    request_id: str
    started: float
    authorization: str | None = None
    trace_id: str | None = None
    route: str = "unmatched"
    status: int = 0
    code: str | None = None
    caller: "Caller | None" = None
    taken: "Taken | None" = None
    model: str | None = None
    revision: str | None = None
    cached: bool | None = None
    items: int | None = None
    """How many questions a batch or a stream held so far; None when it was a single one."""
    failed: int = 0
    answers: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Of a batch: how many answers by model, and whether the cache had them."""

    def count_items(self, items: int, failed: int) -> None:
        """Note that so many items were answered, and how many of them with an error."""
        self.items = (self.items or 0) + items
        self.failed += failed

    def count_answer(self, model: str, *, cached: bool) -> None:
        """Note one answer of a model."""
        self.answers[model, cached] += 1


def known_method(scope: Scope) -> str:
    """Name the method of a request, if it is one that any route has."""
    return scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "HEAD") else "OTHER"
