"""What the operator is told from outside: read once from the environment, frozen, passed down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from veriaidpo_operator.scheduling import Scheduling
from veriaidpo_operator.sentences import LANGUAGES, Sentences, load

_RESOURCES = TypeAdapter(dict[Literal["requests", "limits"], dict[str, str | int]])


class SettingsError(ValueError):
    """A setting is missing or is not what it should be; the text says which and what to set."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a fetch may ask, as the fetch reads it from its environment; None is the fetch's own default."""

    schemes: str | None = None
    hosts: str | None = None
    """Empty means: no host but those inside."""
    hosts_inside: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None
    ca_configmap: str = ""
    """ConfigMap with the CA (ca.crt) that servers of sources are believed by, besides the public ones."""

    def environment(self) -> dict[str, str]:
        """Give the variables of a fetch pod."""
        given = {
            "SOURCE_SCHEMES": self.schemes,
            "SOURCE_HOSTS": self.hosts,
            "SOURCE_HOSTS_INSIDE": self.hosts_inside,
            "HTTPS_PROXY": self.https_proxy,
            "NO_PROXY": self.no_proxy,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable. Durations are in seconds."""

    namespace: str
    """The one namespace that is looked at; the operator needs no rights in another."""
    predictor_image: str
    fetch_image: str
    torch_predictor_image: str = ""
    """The image that serves revisions for the runtime torch; empty means predictor_image, which says that it
    cannot."""
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    hf_endpoint: str = ""
    """Address of the hub; empty means the fetch image's own default, the public hub."""
    hub_token_secret: str = ""
    """Secret with a hub token for Models that name none themselves; empty means no token."""
    hub_token_key: str = "token"  # noqa: S105 (the name of a key)
    sources: Sources = Sources()
    traces_endpoint: str = ""
    """Address of the OpenTelemetry collector that predictors tell of their requests; empty means none."""
    traces_ratio: str = "1"
    """The share of requests that is told where the gateway has not decided it, from 0 to 1."""
    shared_resources: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    """Requests and limits of a pod that serves all Models of a claim, over its defaults."""
    scheduling: Scheduling = field(default_factory=Scheduling)
    """Where the pods of Models may run."""
    service_trust_configmap: str = "veriaidpo-service-trust"
    """ConfigMap with the public keys predictors accept service tokens by, under the key tls.crt."""
    fetch_retry_seconds: float = 15.0
    """Pause after the first failed fetch; doubles with each, up to ten minutes."""
    max_downloads: int = 0
    """So many fetch Jobs may run at once; 0 means any number."""
    resync_seconds: float = 15.0
    """Every Model is looked at this often even when no event came: drift and lost events end here."""
    poll_seconds: float = 2.0
    """The same while a download runs, for its progress."""
    pending_grace_seconds: float = 8.0
    """A pod or claim may wait this long before its Model's condition speaks of it."""
    liveness_port: int = 8080
    metrics_port: int = 9090
    stalled_seconds: float = 180.0
    """Without a finished reconcile for so long, although there is work, the process ends to be restarted."""
    log_level: str = "INFO"
    sentences: Sentences = field(default_factory=partial(load, "en"))
    """What conditions and events say, in the language of MESSAGE_LANGUAGE."""


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables; SettingsError names the one that is wrong."""

    def seconds(name: str, default: float) -> float:
        text = environ.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value < 86_400:
            raise SettingsError(f"{name}={text!r}: a number of seconds above 0 is needed, e.g. {default:g}")
        return value

    def required(name: str, what: str) -> str:
        value = environ.get(name, "").strip()
        if not value:
            raise SettingsError(f"{name} is not set: {what}")
        return value

    return Settings(
        namespace=required("NAMESPACE", "the namespace whose Models are looked after"),
        predictor_image=required("PREDICTOR_IMAGE", "the image that serves a model"),
        fetch_image=required("FETCH_IMAGE", "the image that downloads a model"),
        torch_predictor_image=environ.get("TORCH_PREDICTOR_IMAGE", "").strip(),
        image_pull_policy=environ.get("IMAGE_PULL_POLICY") or "IfNotPresent",
        image_pull_secrets=tuple(
            name.strip() for name in environ.get("IMAGE_PULL_SECRETS", "").split(",") if name.strip()
        ),
        hf_endpoint=environ.get("HF_ENDPOINT", "").strip(),
        hub_token_secret=environ.get("HUB_TOKEN_SECRET", "").strip(),
        hub_token_key=environ.get("HUB_TOKEN_KEY") or "token",
        sources=Sources(
            schemes=environ.get("SOURCE_SCHEMES"),
            hosts=environ.get("SOURCE_HOSTS"),
            hosts_inside=environ.get("SOURCE_HOSTS_INSIDE"),
            https_proxy=environ.get("SOURCE_HTTPS_PROXY"),
            no_proxy=environ.get("SOURCE_NO_PROXY"),
            ca_configmap=environ.get("SOURCE_CA_CONFIGMAP", "").strip(),
        ),
        traces_endpoint=environ.get("TRACES_ENDPOINT", "").strip(),
        traces_ratio=environ.get("TRACES_RATIO") or "1",
        shared_resources=_resources(environ.get("SHARED_RESOURCES") or "{}"),
        scheduling=_scheduling(environ.get("SCHEDULING") or "{}"),
        service_trust_configmap=environ.get("SERVICE_TRUST_CONFIGMAP") or "veriaidpo-service-trust",
        fetch_retry_seconds=seconds("FETCH_RETRY_SECONDS", 15),
        max_downloads=_count(environ.get("MAX_DOWNLOADS") or "0"),
        resync_seconds=seconds("RESYNC_SECONDS", 15),
        poll_seconds=seconds("POLL_SECONDS", 2),
        pending_grace_seconds=seconds("PENDING_GRACE_SECONDS", 8),
        liveness_port=_port("LIVENESS_PORT", environ.get("LIVENESS_PORT") or "8080"),
        metrics_port=_port("METRICS_PORT", environ.get("METRICS_PORT") or "9090"),
        stalled_seconds=seconds("STALLED_SECONDS", 180),
        log_level=(environ.get("LOG_LEVEL") or "INFO").upper(),
        sentences=load(_language(environ.get("MESSAGE_LANGUAGE") or "en")),
    )


def _resources(text: str) -> Mapping[str, Mapping[str, str | int]]:
    try:
        return {str(kind): amounts for kind, amounts in _RESOURCES.validate_json(text).items()}
    except ValidationError as error:
        example = '{"limits": {"memory": "4Gi"}}'
        raise SettingsError(f"SHARED_RESOURCES={text!r}: JSON is needed, e.g. {example}") from error


def _scheduling(text: str) -> Scheduling:
    try:
        return Scheduling.model_validate_json(text)
    except ValidationError as error:
        example = '{"nodeSelector": {"pool": "models"}}'
        raise SettingsError(f"SCHEDULING={text!r}: JSON is needed, e.g. {example}") from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 1_000:
        raise SettingsError(f"MAX_DOWNLOADS={text!r}: a number is needed, e.g. 4; 0 for no limit")
    return int(text)


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingsError(f"{name}={text!r}: a port number is needed, e.g. 8080")
    return int(text)


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise SettingsError(f"MESSAGE_LANGUAGE={text!r}: one of {', '.join(LANGUAGES)} is needed")
    return text
