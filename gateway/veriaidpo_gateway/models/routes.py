"""Where each model answers: what a Model resource says, and which model a request means. Pure.

A model is routed to by what answers now (condition Servable), not by whether its newest revision is ready.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from veriaidpo_gateway.errors import ErrorCode, GatewayError

CLASSIFICATION = "text-classification"
TAGGING = "token-classification"
NORMALISER = "company_normalizer"
"""The type of the model that finds names in texts."""


@dataclass(frozen=True, slots=True)
class Label:
    """A class of a model."""

    id: str
    en: str
    vi: str

    def name(self, language: str) -> str:
        """Give the label's name as people of that language know it."""
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a Model; status is True, False or Unknown."""

    status: str = "Unknown"
    reason: str = ""
    message: str = ""


_UNKNOWN = Condition()


@dataclass(frozen=True, slots=True)
class Model:
    """What the gateway needs of one Model resource. Digests are hex sha256; `threshold` is a probability."""

    name: str
    model_type: str
    language: str
    task: str
    labels: tuple[Label, ...]
    aliases: tuple[str, ...] = ()
    threshold: float | None = None
    suspended: bool = False
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    current_revision: str = ""
    target_revision: str = ""
    commit: str = ""
    download: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    ready_replicas: int = 0
    last_failure: Mapping[str, Any] | None = None

    def condition(self, kind: str) -> Condition:
        """One condition, Unknown where the operator has not written it yet."""
        return self.conditions.get(kind, _UNKNOWN)

    @property
    def servable(self) -> bool:
        """Whether some revision of it answers now."""
        return self.condition("Servable").status == "True" and bool(self.url)

    @property
    def wanted(self) -> bool:
        """Whether it should answer: all should but those that were suspended before they ever did."""
        return not self.suspended or bool(self.current_revision)

    @property
    def state(self) -> str:
        """One word for people: ready, updating, suspended, failed, downloading or pending."""
        if self.servable:
            return "ready" if self.condition("Ready").status == "True" else "updating"
        if self.suspended:
            return "suspended"
        if self.condition("Degraded").status == "True":
            return "failed"
        if self.condition("Downloaded").status != "True" and self.download.get("bytesDone") is not None:
            return "downloading"
        return "pending"

    @property
    def infer_url(self) -> str:
        """Where the predictor takes sentences."""
        return f"{self.url.rstrip('/')}/v2/models/{self.name}/infer"

    def progress(self) -> dict[str, Any]:
        """How far a download is; empty when none is under way."""
        names = {
            "bytesTotal": "bytes_total",
            "bytesDone": "bytes_done",
            "percent": "percent",
            "bytesPerSecond": "bytes_per_second",
            "remainingSeconds": "remaining_seconds",
        }
        return {ours: self.download[theirs] for theirs, ours in names.items() if theirs in self.download}


def model_from(resource: Mapping[str, Any]) -> Model:
    """Read a Model resource; ValueError when it is not one this gateway can use."""
    try:
        spec, status = resource["spec"], resource.get("status") or {}
        serving = status.get("inferenceService") or {}
        return Model(
            name=str(resource["metadata"]["name"]),
            model_type=str(spec["modelType"]),
            language=str(spec["language"]),
            task=str(spec.get("task", CLASSIFICATION)),
            labels=tuple(Label(str(x["id"]), str(x["en"]), str(x["vi"])) for x in spec.get("labels") or ()),
            aliases=tuple(str(alias) for alias in spec.get("aliases") or ()),
            threshold=None if spec.get("threshold") is None else float(spec["threshold"]),
            suspended=bool(spec.get("suspend", False)),
            conditions=_conditions(status.get("conditions") or ()),
            current_revision=str(status.get("currentRevision") or ""),
            target_revision=str(status.get("targetRevision") or ""),
            commit=str(status.get("resolvedCommit") or ""),
            download=dict(status.get("download") or {}),
            url=str(serving.get("url") or ""),
            ready_replicas=int(serving.get("readyReplicas") or 0),
            last_failure=status.get("lastFailure"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("not a usable Model resource") from error


def _conditions(listed: Iterable[Mapping[str, Any]]) -> dict[str, Condition]:
    return {
        str(item["type"]): Condition(
            str(item.get("status", "Unknown")), str(item.get("reason") or ""), str(item.get("message") or "")
        )
        for item in listed
    }


class Routes:
    """An immutable table of models; a changed one replaces it whole."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(sorted(models, key=lambda model: model.name))
        self._by_type: dict[str, dict[str, Model]] = {}
        for model in self.models:
            self._by_type.setdefault(model.model_type, {}).setdefault(model.language, model)
        self.types = tuple(sorted(self._by_type))
        for model in self.models:
            for alias in model.aliases:
                if alias not in self.types:  # an alias never takes the place of a type of that name
                    self._by_type.setdefault(alias, {}).setdefault(model.language, model)

    def type_of(self, name: str) -> str:
        """Say which type a name means: an alias its model's, any other one itself, served or not."""
        return next((model.model_type for model in self._by_type.get(name, {}).values()), name)

    def classifiers(self) -> tuple[str, ...]:
        """List the types that classify sentences, in alphabetical order."""
        return tuple(sorted({m.model_type for m in self.models if m.task == CLASSIFICATION}))

    def tagger(self, language: str) -> Model | None:
        """Return the model that finds names in texts of a language, if it answers now."""
        model = self._by_type.get(NORMALISER, {}).get(language)
        return model if model is not None and model.task == TAGGING and model.servable else None

    def find(self, model_type: str, language: str) -> Model:
        """Return the servable classifier a request means.

        400 for a type or language there is none of (with those there are), 503 with the model's state for one
        that does not answer yet.
        """
        of_type = self._by_type.get(model_type)
        if of_type is None:
            raise GatewayError(
                ErrorCode.UNKNOWN_MODEL_TYPE, {"available_model_types": list(self.classifiers())}
            )
        model = of_type.get(language)
        if model is None:
            raise GatewayError(ErrorCode.UNKNOWN_LANGUAGE, {"available_languages": sorted(of_type)})
        if model.task != CLASSIFICATION:
            raise GatewayError(
                ErrorCode.NOT_A_CLASSIFIER, {"available_model_types": list(self.classifiers())}
            )
        if not model.servable:
            raise not_servable(model)
        return model


def not_servable(model: Model) -> GatewayError:
    """Make the 503 of a model that does not answer yet: what it is doing and when to ask again."""
    details: dict[str, Any] = {"model": model.name, "state": model.state}
    ready = model.condition("Ready")
    if ready.reason:
        details["reason"] = ready.reason
    downloading = model.state == "downloading"
    if downloading:
        details["progress"] = model.progress()
    wait = model.download.get("remainingSeconds") if downloading else None
    seconds = min(max(int(wait), 1), 300) if isinstance(wait, int | float) else 10
    code = ErrorCode.MODEL_DOWNLOADING if downloading else ErrorCode.MODEL_NOT_READY
    return GatewayError(code, details, {"Retry-After": str(seconds)})
