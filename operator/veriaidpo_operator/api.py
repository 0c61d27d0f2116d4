"""The Model resource as Python: its spec, and the whole with what its status remembers.

The schema that refuses a wrong resource is the CRD's (charts/veriaidpo/crds/models.yaml); the defaults here
repeat it for objects that were stored before a default came to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from veriaidpo_operator.recorded import Status

GROUP = "veriaidpo.verisyntra.vn"
VERSION = "v1alpha1"
KIND = "Model"
PLURAL = "models"
MANAGER = "veriaidpo-operator"
MODEL_LABEL = f"{GROUP}/model"
FETCH_AGAIN = f"{GROUP}/fetch-again"
"""Annotation on a Model; another value makes a branch be resolved and fetched again, and what is quarantined
be tried again."""

Json = dict[str, Any]


class _Spec(BaseModel):
    # A newer definition may fill in fields of its own; which ones there are is for the API server to say.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Label(_Spec):
    """One category; its place in the list is its category_id."""

    id: str
    en: str
    vi: str
    article: str | None = None


class SecretKey(_Spec):
    """A key in a Secret of the Model's namespace."""

    name: str
    key: str = "token"


class KnownFile(_Spec):
    """A file whose digest was known beforehand."""

    path: str
    sha256: str


class ConfigMapKey(_Spec):
    """A key in a ConfigMap of the Model's namespace."""

    name: str
    key: str = "ca.crt"


class Source(_Spec):
    """Where the bytes come from."""

    uri: str
    revision: str = "main"
    auth_secret: SecretKey | None = None
    ca_bundle: ConfigMapKey | None = None
    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    files: tuple[KnownFile, ...] = ()

    @property
    def scheme(self) -> str:
        """What kind of source it is: hf, https, s3, gs, pvc."""
        return self.uri.partition("://")[0]


class NewClaim(_Spec):
    """How the Model's own claim is made."""

    size: str | int = "2Gi"
    storage_class_name: str | None = None
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)


class Storage(_Spec):
    """An existing claim, or how to make one."""

    claim_name: str | None = None
    create: NewClaim | None = None
    reclaim_policy: Literal["Retain", "Delete"] = "Retain"


class Resources(_Spec):
    """Kubernetes quantities by resource name."""

    requests: dict[str, str | int] = Field(default_factory=dict)
    limits: dict[str, str | int] = Field(default_factory=dict)


class Download(_Spec):
    """Limits of the fetch Job."""

    backoff_limit: int = 2
    active_deadline_seconds: int = 3600
    resources: Resources = Resources()


class GoldenSpan(_Spec):
    """A part of a sentence, in code points, and the id of its label."""

    start: int
    end: int
    label: str


class GoldenSentence(_Spec):
    """A sentence with the id of the label it must get, or the spans that must be found in it."""

    text: str
    label: str | None = None
    spans: tuple[GoldenSpan, ...] | None = None


class Gate(_Spec):
    """What a converted model has to keep of its original."""

    min_agreement: float = 0.99
    max_flip_margin: float = 0.1


class CalibrationSentence(_Spec):
    """A sentence with the id of its label, which the model may get wrong."""

    text: str
    label: str


class Conversion(_Spec):
    """What the weights are turned into, and the sentences that it is held against."""

    format: Literal["onnx"] = "onnx"
    quantization: Literal["none", "int8"] = "none"
    gate: Gate = Gate()
    gate_sentences: tuple[str, ...] = ()
    calibration_sentences: tuple[CalibrationSentence, ...] = ()


class Serving(_Spec):
    """Shape of the InferenceService."""

    placement: Literal["own", "shared"] = "own"
    runtime: Literal["onnx", "torch"] = "onnx"
    min_replicas: int = 1
    max_replicas: int | None = None
    autoscaler: Literal["cpu", "external"] = "cpu"
    progress_deadline_seconds: int = 300
    resources: Resources = Resources()
    golden_sentences: tuple[GoldenSentence, ...] = ()


class Spec(_Spec):
    """What is wanted."""

    model_type: str
    aliases: tuple[str, ...] = ()
    language: str
    task: str = "text-classification"
    labels: tuple[Label, ...]
    threshold: float | None = None
    max_tokens: int = 256
    source: Source
    storage: Storage = Storage()
    download: Download = Download()
    conversion: Conversion = Conversion()
    serving: Serving = Serving()
    revision_history_limit: int = 3
    pinned_revision: str | None = None
    suspend: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One Model resource."""

    name: str
    namespace: str
    uid: str
    generation: int
    deleting: bool
    annotations: Mapping[str, str]
    spec: Spec
    status: Status
    created: datetime


def understood(body: Mapping[str, Any]) -> Model | None:
    """Read a Model as the API server gives it; None when it is not understood."""
    try:
        return parse(body)
    except ValidationError:
        return None


def parse(body: Mapping[str, Any]) -> Model:
    """Read a Model as the API server gives it; pydantic.ValidationError when it is not understood."""
    meta = body["metadata"]
    return Model(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        deleting="deletionTimestamp" in meta,
        annotations=meta.get("annotations") or {},
        spec=Spec.model_validate(body["spec"]),
        status=Status.model_validate(body.get("status") or {}),
        created=datetime.fromisoformat(meta["creationTimestamp"]),
    )
