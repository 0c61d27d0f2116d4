"""One look at all that a Model has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from veriaidpo_operator.objects.children import Child, Claim, Deployment, Job, Pod, Service
from veriaidpo_operator.objects.fetch_words import Progress


@dataclass(frozen=True, slots=True)
class Place:
    """A predictor other than the one that shall serve the Model."""

    service: Service
    answering: int
    """Pods that answer for the Model."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at everything a Model has."""

    claim: Claim | None = None
    claim_warnings: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    orders: tuple[Child, ...] = ()
    """The ConfigMaps that tell a fetch what to do."""
    pods: tuple[Pod, ...] = ()
    runtime_known: bool = True
    """Whether the cluster knows InferenceServices at all."""
    service: Service | None = None
    """The InferenceService that shall serve the Model; so with its Deployment and its pods."""
    deployment: Deployment | None = None
    headless: bool = False
    """Whether the predictor's Service has no address of its own, so that its port is the container's."""
    listed: str = ""
    """The Model's entry in the list of the shared predictor."""
    before: Place | None = None
    """The predictor that status tells callers of, when it is another one."""
    left: Service | None = None
    """The Model's own InferenceService, when it is to be served beside others."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the API server said when it refused an object just now, by the object's kind."""
    progress: Progress | None = None
    downloads: int = 0
    """Other Models' fetch Jobs that run; looked up only when one more is about to be made."""

    def job(self, name: str) -> Job | None:
        """Return the fetch Job of that name."""
        return next((job for job in self.jobs if job.name == name), None)

    def pods_of(self, job: Job) -> tuple[Pod, ...]:
        """Return the Job's pods, newest first."""
        return tuple(
            sorted((p for p in self.pods if p.job == job.uid), key=lambda p: p.created, reverse=True)
        )

    @property
    def predictors(self) -> tuple[Pod, ...]:
        """The predictor's pods, newest first."""
        pods = (p for p in self.pods if not p.job and not p.deleting)
        return tuple(sorted(pods, key=lambda p: p.created, reverse=True))
