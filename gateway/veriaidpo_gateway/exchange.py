"""One request and its answer, as far as the log line and the headers need to know them."""

from dataclasses import dataclass

from veriaidpo_gateway.access import Caller
from veriaidpo_gateway.limits import Taken

SCOPE_KEY = "veriaidpo.exchange"


@dataclass(slots=True)
class Exchange:
    """Filled in on the way. `started` is in monotonic seconds."""

    request_id: str
    started: float
    authorization: str | None = None
    route: str = "unmatched"
    status: int = 0
    code: str | None = None
    caller: Caller | None = None
    taken: Taken | None = None
    model: str | None = None
    revision: str | None = None
    cached: bool | None = None
