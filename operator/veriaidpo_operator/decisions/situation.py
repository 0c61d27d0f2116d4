"""All that is known when something is decided about a Model: what is wanted, was seen, and is remembered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.decisions.fetching import Fetch
from veriaidpo_operator.decisions.revisions import Choice
from veriaidpo_operator.objects import drift, hosting, places, quantity, serving
from veriaidpo_operator.objects.children import Pod, Service
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.recorded import Rollout
from veriaidpo_operator.sentences import Sentences
from veriaidpo_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a check may look at."""

    model: Model
    observed: Observed
    settings: Settings
    now: datetime
    fetch: Fetch
    choice: Choice
    claim: str
    """The claim the target is on."""
    service: Json | None
    """The InferenceService as it should be, once there is a target."""
    trial: str
    """The hash of what serving the target now is; empty without one."""
    entry: str = ""
    """What the list of a shared predictor says for the target; empty where the predictor is its own."""

    @property
    def say(self) -> Sentences:
        """The sentences, in the language that was chosen."""
        return self.settings.sentences

    @property
    def target(self) -> str | None:
        """Digest that shall answer."""
        return self.choice.target

    @property
    def shared(self) -> bool:
        """Tell whether the Model is to be served beside others."""
        return places.shared(self.model)

    @property
    def place(self) -> str:
        """Name of the InferenceService that shall serve the Model."""
        return places.place(self.model)

    @property
    def predictors(self) -> tuple[Pod, ...]:
        """The predictor's pods as this Model sees them, the newest first."""
        if not self.shared:
            return self.observed.predictors
        target, current = self.target or "", self.model.status.current_revision
        return tuple(
            hosting.as_seen(pod, target=target, entry=self.entry, current=current)
            for pod in self.observed.predictors
        )

    @property
    def answering(self) -> int:
        """How many pods of the place answer for the Model, with whatever revision."""
        if self.shared:
            return sum(map(hosting.answers, self.observed.predictors))
        return self.observed.deployment.ready if self.observed.deployment else 0

    @property
    def on_target(self) -> bool:
        """Tell whether KServe has turned the wanted InferenceService into its Deployment.

        A shared predictor has to be told of the target besides.
        """
        deployment = self.observed.deployment
        if deployment is None or self.target is None:
            return False
        if self.shared:
            return self.observed.listed == self.entry and deployment.image == self.settings.predictor_image
        wanted = serving.image(self.model, self.settings, self.target)
        return (
            serving.revision_path(self.model, self.target) in deployment.args and deployment.image == wanted
        )

    @property
    def arrived(self) -> bool:
        """Tell whether the target has answered, and at this place."""
        status = self.model.status
        at = status.inference_service
        return status.current_revision == self.target and at is not None and at.name == self.place

    @property
    def taken_up(self) -> bool:
        """Tell whether KServe has looked at the InferenceService as it is now."""
        service = self.observed.service
        return service is not None and service.seen_generation >= service.generation

    @property
    def rolled_out(self) -> bool:
        """Tell whether the target answers everywhere, and nothing else does."""
        deployment, service = self.observed.deployment, self.observed.service
        return (
            self.on_target
            and deployment is not None
            and deployment.rolled_out
            and service is not None
            and service.ready
            and self.taken_up
            and self._all_answer(service)
        )

    def _all_answer(self, service: Service) -> bool:
        if self.shared:  # pods get ready with or without this Model
            return bool(self.predictors) and all(pod.ready for pod in self.predictors)
        return self.service is not None and drift.satisfied(self.service, service.raw)

    @property
    def target_pods(self) -> tuple[Pod, ...]:
        """The predictor's pods that are just as the target's should be, the newest first.

        A pod of a former trial of the same revision, with less memory or from before its bytes were fetched
        anew, says nothing about this one.
        """
        if self.service is None:
            return ()
        wanted: Json = self.service["spec"]["predictor"]["containers"][0]
        return tuple(pod for pod in self.predictors if _alike(wanted, pod.container))

    @property
    def rollout(self) -> Rollout | None:
        """The remembered trial, if it is that of what shall answer now."""
        known = self.model.status.rollout
        return known if known is not None and known.trial == self.trial else None

    @property
    def late(self) -> bool:
        """Tell whether the trial has lasted longer than serving.progressDeadlineSeconds."""
        known = self.rollout
        deadline = timedelta(seconds=self.model.spec.serving.progress_deadline_seconds)
        return known is not None and self.now - known.started_at > deadline

    @property
    def overdue(self) -> bool:
        """Tell whether the target should have been rolled out by now, and is not.

        What was changed a moment ago, by whomever, is not late: KServe has to take it up first.
        """
        return self.late and self.on_target and self.taken_up and not self.rolled_out

    @property
    def on_trial(self) -> bool:
        """Tell whether the target is new: it took no other's place yet, or did so a moment ago."""
        known = self.rollout
        if known is None or known.replaces is None:
            return False
        return self.model.status.current_revision != self.target or not self.late


def _alike(wanted: Json, live: Json) -> bool:
    if not all(drift.satisfied(wanted[key], live.get(key)) for key in ("image", "args", "env")):
        return False
    resources = live.get("resources") or {}
    return all(
        quantity.same(amount, (resources.get(kind) or {}).get(name))
        for kind, amounts in wanted["resources"].items()
        for name, amount in amounts.items()
    )
