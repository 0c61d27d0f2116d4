"""Observe and apply: the only module through which the operator touches the cluster."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from veriaidpo_operator.api import GROUP, KIND, MANAGER, MODEL_LABEL, VERSION, Json, Model, understood
from veriaidpo_operator.cluster import telling
from veriaidpo_operator.cluster.apiserver import ApiError, ApiServer
from veriaidpo_operator.cluster.predictors import Predictors, States
from veriaidpo_operator.decisions import pods
from veriaidpo_operator.decisions.actions import Action, Apply, Create, Delete, Patch
from veriaidpo_operator.decisions.transitions import Event
from veriaidpo_operator.decisions.turns import holds_a_place
from veriaidpo_operator.objects import claims as objects
from veriaidpo_operator.objects import events, places, reading, serving
from veriaidpo_operator.objects.children import Claim, Job, Pod
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.objects.inference_service import SERVE_PORT
from veriaidpo_operator.objects.jobs import FETCH_PORT
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.objects.words import Heard
from veriaidpo_operator.recorded import Status
from veriaidpo_operator.settings import Settings

Ask = Callable[[str, int], Progress | None]
Hear = Callable[[str, int, str], Heard]


class RefusedError(Exception):
    """The API server will not have an object."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class Cluster:
    """What the operator sees and does in its namespace."""

    def __init__(
        self, server: ApiServer, settings: Settings, *, ask: Ask, hear: Hear, states: States
    ) -> None:
        self._server = server
        self._settings = settings
        self._ask = ask
        self._hear = hear
        self.predictors = Predictors(server, self._started, states)

    def names(self) -> list[str]:
        """Return the names of all Models, and the keys (places.key) of all shared predictors."""
        bodies = self.models()
        claims = {reading.claim_of(body) for body in self.predictors.shared_services()}
        claims |= {places.claim(model) for model in map(understood, bodies) if model and places.shared(model)}
        return [body["metadata"]["name"] for body in bodies] + sorted(map(places.key, claims))

    def models(self) -> list[Json]:
        """Return all Models as they are stored."""
        return self._server.list("Model")

    def model(self, name: str) -> Json | None:
        """Return a Model as it is stored."""
        return self._server.get("Model", name)

    def observe(self, model: Model, now: datetime) -> Observed:
        """Look at everything the Model has."""
        selector = f"{MODEL_LABEL}={model.name}"
        claim = self._server.get("PersistentVolumeClaim", objects.claim_name(model))
        raw_pods = self._server.list("Pod", labelSelector=selector)
        seen_claim = reading.claim(claim) if claim else None
        seen_pods = tuple(self._pod(model, raw, now) for raw in raw_pods)
        orders = self._server.metadata("ConfigMap", labelSelector=selector)
        jobs = self._server.list("Job", labelSelector=selector)
        seen_jobs = tuple(self._job(reading.job(raw), seen_pods, now) for raw in jobs)
        return self.predictors.of(
            model,
            Observed(
                claim=seen_claim,
                claim_warnings=self._claim_warnings(seen_claim, now),
                jobs=seen_jobs,
                orders=tuple(map(reading.child, orders)),
                pods=seen_pods,
                progress=self._progress(seen_jobs, seen_pods),
            ),
            now,
        )

    def downloads(self, model: Model, now: datetime) -> int:
        """Count the fetch Jobs of other Models that run, or are about to."""
        selector = f"app.kubernetes.io/managed-by={MANAGER},{MODEL_LABEL}!={model.name}"
        jobs = [job for job in map(reading.job, self._server.list("Job", labelSelector=selector)) if job.live]
        fetching = f"{selector},app.kubernetes.io/component=fetch"
        raw_pods = self._server.list("Pod", labelSelector=fetching) if jobs else []
        seen = tuple(self._pod(model, raw, now) for raw in raw_pods)
        return sum(holds_a_place(self._job(job, seen, now), seen, self._settings, now) for job in jobs)

    def _late(self, created: datetime, now: datetime) -> bool:
        return now - created > timedelta(seconds=self._settings.pending_grace_seconds)

    def _pod(self, model: Model, raw: Json, now: datetime) -> Pod:
        pod = reading.pod(raw)
        if not pod.silent:
            return self._started(raw, now)
        return pod.heard(self._hear(pod.ip, SERVE_PORT, serving.ready_path(model)))

    def _started(self, raw: Json, now: datetime) -> Pod:
        pod = reading.pod(raw)
        if not pods.slow_to_start(pod, now, self._settings.pending_grace_seconds):
            return pod
        told = self._events(pod.uid)
        return replace(pod, unmounted=events.unmounted(told), without_sandbox=events.without_sandbox(told))

    def _job(self, job: Job, seen_pods: tuple[Pod, ...], now: datetime) -> Job:
        alone = job.live and not any(pod.job == job.uid for pod in seen_pods)
        if not (alone and self._late(job.created, now)):
            return job
        return replace(job, waiting_for_pods=next(iter(events.complaints(self._events(job.uid))), ""))

    def _claim_warnings(self, claim: Claim | None, now: datetime) -> tuple[str, ...]:
        if claim is None or claim.phase != "Pending" or not self._late(claim.created, now):
            return ()
        # FailedBinding is how a missing default class is told, as a Normal event.
        return events.complaints(self._events(claim.uid), also="FailedBinding")

    def _events(self, uid: str) -> list[Json]:
        return self._server.list("Event", fieldSelector=f"involvedObject.uid={uid}")

    def _progress(self, jobs: tuple[Job, ...], seen: tuple[Pod, ...]) -> Progress | None:
        live = {job.uid for job in jobs if job.live and not job.deleting}
        for pod in seen:
            if pod.job in live and pod.phase == "Running" and pod.ip:
                return self._ask(pod.ip, FETCH_PORT)
        return None

    def act(self, action: Action) -> None:
        """Carry out one action.

        RefusedError when the object, or one whom the API server has to ask about it, is in the way; ApiError
        when the API server itself is.
        """
        try:
            self._act(action)
        except ApiError as error:
            kind = action.object["kind"] if isinstance(action, Create | Apply) else action.kind
            if error.refused or error.unanswered:
                raise RefusedError(kind, error.message) from error
            # 409: somebody was faster, or it is another object by now. 404: it has gone. The next look tells.
            if error.code not in {404, 409}:
                raise

    def _act(self, action: Action) -> None:
        match action:
            case Create(body):
                self._server.create(body)
            case Apply(body):
                self._server.apply(body)
            case Patch(kind, name, uid, body):
                metadata = {**body.get("metadata", {}), "uid": uid}
                self._server.merge(kind, name, {**body, "metadata": metadata})
            case Delete(kind, name, uid):
                self._server.delete(kind, name, uid=uid, propagation="Foreground")

    def write_status(self, model: Model, status: Status) -> None:
        """Write the status of this very Model."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            # The UID keeps the status of a deleted Model from reaching one made anew under its name.
            "metadata": {"name": model.name, "namespace": model.namespace, "uid": model.uid},
            "status": status.to_json(),
        }
        self._server.apply(body, "status")

    def tell(self, model: Model, event: Event, now: datetime) -> None:
        """Write an event about a Model, for kubectl describe."""
        self._server.create(telling.stored(event, model, now))
