"""Looks at predictors: a Model's own, that of all Models on a claim, and one that a Model moves away from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.cluster.apiserver import ApiError, ApiServer
from veriaidpo_operator.decisions.group import Seen
from veriaidpo_operator.objects import hosting, places, reading
from veriaidpo_operator.objects.children import Hosted, Listing, Pod, Service
from veriaidpo_operator.objects.inference_service import SERVE_PORT
from veriaidpo_operator.objects.observed import Observed, Place
from veriaidpo_operator.objects.places import SHARED_LABEL

States = Callable[[str, int], Mapping[str, Hosted] | None]
"""Asks the pod at an address and a port for the states of its models."""

LookAt = Callable[[Json, datetime], Pod]
"""Makes a pod of what the API server has of it, and of its events when it does not start."""


class Predictors:
    """What serves a Model, or a group of them."""

    def __init__(self, server: ApiServer, look_at: LookAt, states: States) -> None:
        self._server = server
        self._look_at = look_at
        self._states = states

    def shared_services(self) -> list[Json]:
        """Return the InferenceServices of all shared predictors; none where their kind is not known."""
        try:
            return self._server.list("InferenceService", labelSelector=SHARED_LABEL)
        except ApiError as error:
            if error.code == 404:
                return []
            raise

    def of(self, model: Model, seen: Observed, now: datetime) -> Observed:
        """Add to what was seen of a Model what shall serve it, and what did until now."""
        name, is_shared = places.place(model), places.shared(model)
        try:
            service = self._service(name)
            left = self._service(model.name) if is_shared else None
        except ApiError as error:
            if error.code == 404:
                return replace(seen, runtime_known=False)
            raise
        before = self._before(model, left, now)
        if is_shared:
            fetching = tuple(pod for pod in seen.pods if pod.job)
            listing = self.listing(name)
            listed = listing.entries.get(model.name, "") if listing is not None else ""
            seen = replace(seen, pods=(*fetching, *self._hosts(model, name, now)), left=left, listed=listed)
        if service is None:
            return replace(seen, before=before)
        deployment = self._server.get("Deployment", f"{name}-predictor")
        address = self._server.get("Service", f"{name}-predictor")
        return replace(
            seen,
            before=before,
            service=service,
            deployment=reading.deployment(deployment) if deployment else None,
            headless=bool(address and address["spec"].get("clusterIP") == "None"),
        )

    def group(self, claim: str, now: datetime) -> Seen:
        """Look at the shared predictor of a claim."""
        name = places.shared_name(claim)
        try:
            service, known = self._service(name), True
        except ApiError as error:
            if error.code != 404:
                raise
            service, known = None, False
        return Seen(known, service, self.listing(name), self._pods(name, now) if service else ())

    def listing(self, name: str) -> Listing | None:
        """Return the list that the shared predictor of that name follows."""
        found = self._server.get("ConfigMap", name)
        return reading.listing(found) if found is not None else None

    def _service(self, name: str) -> Service | None:
        found = self._server.get("InferenceService", name)
        return reading.service(found) if found is not None else None

    def _pods(self, name: str, now: datetime) -> tuple[Pod, ...]:
        raw = self._server.list("Pod", labelSelector=f"{SHARED_LABEL}={name}")
        return tuple(self._look_at(one, now) for one in raw)

    def _hosts(self, model: Model, name: str, now: datetime) -> tuple[Pod, ...]:
        return tuple(self._host(model, pod) for pod in self._pods(name, now))

    def _host(self, model: Model, pod: Pod) -> Pod:
        if not pod.ready or pod.deleting or not pod.ip:
            return pod
        states = self._states(pod.ip, SERVE_PORT)
        return pod if states is None else replace(pod, hosted=states.get(model.name, Hosted()))

    def _before(self, model: Model, left: Service | None, now: datetime) -> Place | None:
        at = model.status.inference_service
        if at is None or at.name == places.place(model):
            return None
        if at.name == model.name:
            deployment = self._server.get("Deployment", f"{at.name}-predictor") if left else None
            answering = reading.deployment(deployment).ready if deployment else 0
            return None if left is None or left.deleting else Place(left, answering)
        service = self._service(at.name)
        if service is None or service.deleting:
            return None
        pods = (pod for pod in self._hosts(model, at.name, now) if not pod.deleting)
        return Place(service, sum(map(hosting.answers, pods)))
