"""One look at one Model: observe, plan, act, write the status, tell what changed.

Or at a shared predictor, of which there is nothing to write: its Models tell of it.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from veriaidpo_operator.api import Json, Model, parse
from veriaidpo_operator.cluster.apiserver import ApiError
from veriaidpo_operator.cluster.live import Cluster
from veriaidpo_operator.decisions.actions import Action, Create
from veriaidpo_operator.decisions.group import gather, plan_group, untold
from veriaidpo_operator.decisions.plan import Plan, plan
from veriaidpo_operator.decisions.status import invalid_status
from veriaidpo_operator.decisions.transitions import Event, announced, events
from veriaidpo_operator.objects import places
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.running.carrying_out import CarryingOut
from veriaidpo_operator.running.metrics import Metrics
from veriaidpo_operator.running.unread import stand_in
from veriaidpo_operator.settings import Settings

_log = logging.getLogger(__name__)
_SOON = 2.0


class Reconciler:
    """Brings Models towards what they want, one call a Model; blocking."""

    def __init__(
        self, cluster: Cluster, settings: Settings, clock: Callable[[], datetime], metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._starting = threading.Lock()
        self._act = CarryingOut(cluster)
        self._refused: dict[str, dict[str, str]] = {}  # of the shared predictor of a claim

    def __call__(self, name: str) -> float | None:
        """Do what is to be done for a Model now; return the seconds until the next look, None for never.

        A name may also be that of the predictor of all Models on a claim (places.key).
        """
        with self._metrics.look_seconds.time():
            return self._look(name)

    def _look(self, name: str) -> float | None:
        claim = places.claim_of(name)
        if claim is not None:
            return self._look_at_shared(claim)
        body = self._cluster.model(name)
        if body is None:
            self._metrics.gone(name)
            return None
        now = self._clock().replace(microsecond=0)
        try:
            model = parse(body)
        except ValidationError as error:
            return self._not_understood(body, error, now)
        observed = self._cluster.observe(model, now)
        if places.shared(model):
            observed = replace(observed, refused=self._refused.get(places.claim(model), {}))
        decided = plan(model, observed, self._settings, now)
        if self._settings.max_downloads and any(map(_starts_a_download, decided.actions)):
            with self._starting:  # one at a time, so that no two take the last place
                observed = replace(observed, downloads=self._cluster.downloads(model, now))
                decided = plan(model, observed, self._settings, now)
                refused = self._carry_out(model, decided, now)
        else:
            refused = self._carry_out(model, decided, now)
        if refused:
            again = plan(
                model, replace(observed, refused={**observed.refused, **refused}), self._settings, now
            )
            decided = replace(again, actions=(), again=self._settings.resync_seconds)
        self._say(model, decided.status, now, decided.warnings)
        self._metrics.told(model.name, decided.status)
        return decided.again

    def _carry_out(self, model: Model, decided: Plan, now: datetime) -> dict[str, str]:
        """Do the actions; gives what the API server refused, by the kind of the object."""

        def done(action: Action) -> None:
            self._tell(model, announced(action, self._settings.sentences), now)

        return self._act(model.name, (model.uid, model.generation), decided.actions, now=now, done=done)

    def _look_at_shared(self, claim: str) -> float:
        """Do what is to be done for the predictor of all Models on a claim."""
        now = self._clock().replace(microsecond=0)
        seen = self._cluster.predictors.group(claim, now)
        models, unread = [], []
        for body in self._cluster.models():
            try:
                models.append(parse(body))
            except ValidationError:
                unread.append(stand_in(body))
        group = gather(claim, self._settings.namespace, models, seen, now, unread=unread)
        actions = plan_group(group, seen, self._settings, now)
        version = tuple((model.uid, model.generation) for model in group.owners)
        self._refused[claim] = self._act(places.key(claim), version, actions, now=now)
        moving = bool(actions or untold(group, seen)) and not self._refused[claim]
        return _SOON if moving else self._settings.resync_seconds

    def _say(self, model: Model, status: Status, now: datetime, warnings: tuple[str, ...] = ()) -> None:
        if status == model.status:
            return
        try:
            self._cluster.write_status(model, status)
        except ApiError as error:
            if error.code in {404, 409}:  # the Model has gone, or is another one by now
                return
            raise
        self._tell(model, events(model.status, status, self._settings.sentences, warnings), now)

    def _tell(self, model: Model, told: tuple[Event, ...], now: datetime) -> None:
        for event in told:
            _log.info("%s: %s %s: %s", model.name, event.type, event.reason, event.message)
            try:
                self._cluster.tell(model, event, now)
            except ApiError as error:  # an event that is lost must not undo what was done
                _log.warning("%s: event %s was not written: %s", model.name, event.reason, error)

    def _not_understood(self, body: Json, error: ValidationError, now: datetime) -> float:
        model = stand_in(body)
        status = invalid_status(model, error, self._settings.sentences, now)
        self._say(model, status, now)
        self._metrics.told(model.name, status)
        return self._settings.resync_seconds


def _starts_a_download(action: Action) -> bool:
    return isinstance(action, Create) and action.object["kind"] == "Job"
