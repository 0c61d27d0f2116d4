"""What the operator watches."""

import kopf

from veriaidpo_operator.running import handlers
from veriaidpo_operator.running.engine import Engine


def test_only_kinds_are_watched_that_cannot_leave_the_cluster() -> None:
    """kopf ends the operator when a kind that it watches is gone, as KServe's are where KServe is removed."""
    engine = Engine(lambda _: None, list, resync_seconds=15, stalled_seconds=90, on_stalled=lambda: None)
    registry = kopf.OperatorRegistry()
    handlers.register(registry, engine)
    watched = {selector.group for selector in registry._watching.get_all_selectors()}
    assert watched == {"veriaidpo.verisyntra.vn", "batch", ""}
