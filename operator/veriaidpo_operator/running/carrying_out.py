"""Doing what was decided; what the API server refused is asked for again only after a while."""

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.cluster.live import Cluster, RefusedError
from veriaidpo_operator.decisions.actions import Action

_log = logging.getLogger(__name__)
_REFUSED_AGAIN = timedelta(minutes=1)
"""What was refused is asked for no more often, unless the Model changes: a quota is raised by hand."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the API server said of an action, and when."""

    at: datetime
    kind: str
    message: str


class CarryingOut:
    """Carries out actions; may be called from several threads, for another Model each."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._refusals: dict[Hashable, _Refusal] = {}

    def __call__(
        self,
        name: str,
        version: Hashable,
        actions: Iterable[Action],
        *,
        now: datetime,
        done: Callable[[Action], None] = lambda _: None,
    ) -> dict[str, str]:
        """Do the actions; one that is refused does not keep the others from being done.

        name: whose they are; version: of what was wanted, since another wish may not be refused. Returns what
        the API server said, by the kind of the object it was about.
        """
        for key, refusal in list(self._refusals.items()):
            if now - refusal.at >= _REFUSED_AGAIN:
                self._refusals.pop(key, None)
        refused = {}
        for action in actions:
            key = (name, version, repr(action))
            known = self._refusals.get(key)  # once: a look at another Model may drop it at any moment
            if known is not None:
                refused[known.kind] = known.message
                continue
            try:
                self._cluster.act(action)
            except RefusedError as error:
                self._refusals[key] = _Refusal(now, error.kind, error.message)
                refused[error.kind] = error.message
            else:
                _log.info("%s: %s", name, action)
                done(action)
        return refused
