"""One look at one Model: observe, plan, act, write the status, tell what changed."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from veriaidpo_operator.actions import Action, Create
from veriaidpo_operator.api import Json, Model, parse
from veriaidpo_operator.apiserver import ApiError
from veriaidpo_operator.cluster import Cluster, RefusedError
from veriaidpo_operator.plan import Plan, plan
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.settings import Settings
from veriaidpo_operator.status import invalid_status
from veriaidpo_operator.transitions import Event, announced, events

_log = logging.getLogger(__name__)
_REFUSED_AGAIN = timedelta(minutes=1)
"""What was refused is asked for no more often, unless the Model changes: a quota is raised by hand."""

_UNREADABLE = {"modelType": "", "language": "", "labels": [], "source": {"uri": ""}}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the API server said of an action, and when."""

    at: datetime
    kind: str
    message: str


class Reconciler:
    """Brings Models towards what they want, one call a Model; blocking."""

    def __init__(self, cluster: Cluster, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._clock = clock
        self._starting = threading.Lock()
        self._refusals: dict[tuple[str, int, str], _Refusal] = {}

    def __call__(self, name: str) -> float | None:
        """Do what is to be done for a Model now; return the seconds until the next look, None for never."""
        body = self._cluster.model(name)
        if body is None:
            return None
        now = self._clock().replace(microsecond=0)
        try:
            model = parse(body)
        except ValidationError as error:
            return self._not_understood(body, error, now)
        observed = self._cluster.observe(model, now)
        decided = plan(model, observed, self._settings, now)
        if self._settings.max_downloads and any(map(_starts_a_download, decided.actions)):
            with self._starting:  # one at a time, so that no two take the last place
                observed = replace(observed, downloads=self._cluster.downloads(model, now))
                decided = plan(model, observed, self._settings, now)
                refused = self._carry_out(model, decided, now)
        else:
            refused = self._carry_out(model, decided, now)
        if refused:
            again = plan(model, replace(observed, refused=refused), self._settings, now)
            decided = Plan((), again.status, self._settings.resync_seconds)
        self._say(model, decided.status, now)
        return decided.again

    def _carry_out(self, model: Model, decided: Plan, now: datetime) -> dict[str, str]:
        """Do the actions; one that is refused does not keep the others from being done.

        Returns what the API server said, by the kind of the object it was about.
        """
        for key, refusal in list(self._refusals.items()):
            if now - refusal.at >= _REFUSED_AGAIN:
                self._refusals.pop(key, None)
        refused = {}
        for action in decided.actions:
            key = (model.uid, model.generation, repr(action))
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
                _log.info("%s: %s", model.name, action)
                self._tell(model, announced(action, self._settings.sentences), now)
        return refused

    def _say(self, model: Model, status: Status, now: datetime) -> None:
        if status == model.status:
            return
        try:
            self._cluster.write_status(model, status)
        except ApiError as error:
            if error.code in {404, 409}:  # the Model has gone, or is another one by now
                return
            raise
        self._tell(model, events(model.status, status, self._settings.sentences), now)

    def _tell(self, model: Model, told: tuple[Event, ...], now: datetime) -> None:
        for event in told:
            _log.info("%s: %s %s: %s", model.name, event.type, event.reason, event.message)
            try:
                self._cluster.tell(model, event, now)
            except ApiError as error:  # an event that is lost must not undo what was done
                _log.warning("%s: event %s was not written: %s", model.name, event.reason, error)

    def _not_understood(self, body: Json, error: ValidationError, now: datetime) -> float:
        try:
            known = Status.model_validate(body.get("status") or {})
        except ValidationError:
            known = Status()
        # Only metadata and status of it are looked at.
        model = parse({**body, "spec": _UNREADABLE, "status": {}})
        model = replace(model, status=known)
        self._say(model, invalid_status(model, error, self._settings.sentences, now), now)
        return self._settings.resync_seconds


def _starts_a_download(action: Action) -> bool:
    return isinstance(action, Create) and action.object["kind"] == "Job"
