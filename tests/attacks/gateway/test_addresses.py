"""H5: addresses that a proxy and a server read differently."""

from ..conftest import Attack
from .careless import passes_a_guard_of_raw_addresses
from .entrances import Entrance


def test_h5a_addresses_written_otherwise(attack: Attack, entrance: Entrance, lenient: int) -> None:
    paths = (
        "//model-status",
        "/model-status/",
        "/./model-status",
        "/x/../model-status",
        "/%2e/model-status",
        "/x/%2e%2e/model-status",
        "/..;/model-status",
        "/model-status;a=b",
        "/model%2dstatus%00",
        "/MODEL-STATUS",
        "/model-status%20",
        "/model-status%2f",
        "/%2fmodel-status",
        "/health/../model-status",
        "/health/..;/model-status",
        "/api/v1//model-status",
        "/api/v1/../v1/model-status",
        "\\model-status",
        "/health%0d%0aX-A:1",
        "/docs/../metrics",
        "/metrics",
        "/livez",
        "/readyz",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2f__main__.py",
        "/docs//etc/passwd",
        "/companies/../model-status",
        "/companies/%2e%2e",
    )
    with attack(entrance.row("H5a"), "addresses that a proxy and a server read differently") as row:
        for path in paths:
            data = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            said = entrance.send(data, seconds=10)
            row.tried += 1
            # 401 is the guard of the route itself: whatever got there was not let in.
            row.got_through += not said.statuses or any(not 400 <= status < 500 for status in said.statuses)
            row.got_through += b"location:" in said.data.lower()
        row.figure = "404, 401 or 400 for all of them, and nothing is redirected"
        reached = sum(passes_a_guard_of_raw_addresses(path) for path in paths)
        row.control = f"a server that tidies addresses behind its guard is reached by {reached}"
