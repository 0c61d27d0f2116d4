"""What a fetch pod gets of its source: credentials, a CA, what may be asked, a claim to read from. Pure."""

from dataclasses import dataclass, field

from veriaidpo_operator.api import Json, Model
from veriaidpo_operator.objects.claims import claim_name
from veriaidpo_operator.settings import Settings

_SECRETS = "/var/run/secrets/veriaidpo"
_HUB_TOKEN = f"{_SECRETS}/hub"
_SOURCE_SECRET = f"{_SECRETS}/source"
_CA = "/etc/veriaidpo/ca"
_CLAIM = "/mnt/source"
_STORE_KEYS = ("access-key-id", "secret-access-key")


@dataclass
class Parts:
    """Variables, mounts and volumes, in the form of a pod's."""

    env: list[Json] = field(default_factory=list)
    mounts: list[Json] = field(default_factory=list)
    volumes: list[Json] = field(default_factory=list)

    def mount(self, name: str, path: str, volume: Json) -> None:
        """Add a volume that is mounted read-only."""
        self.mounts.append({"name": name, "mountPath": path, "readOnly": True})
        self.volumes.append({"name": name, **volume})

    def say(self, name: str, value: str) -> None:
        """Add a variable."""
        self.env.append({"name": name, "value": value})


def parts(model: Model, settings: Settings) -> Parts:
    """Give all that the source of a Model asks for."""
    made = Parts()
    for name, value in settings.sources.environment().items():
        made.say(name, value)
    _credentials(made, model, settings)
    _authority(made, model, settings)
    if model.spec.source.scheme == "pvc":
        _claim(made, model)
    elif model.spec.source.scheme == "hf" and settings.hf_endpoint:
        made.say("HF_ENDPOINT", settings.hf_endpoint)
    return made


def _credentials(made: Parts, model: Model, settings: Settings) -> None:
    """Give each credential as a file, and only those of this source."""
    source = model.spec.source
    own = source.auth_secret
    if source.scheme == "hf":
        secret = own.name if own else settings.hub_token_secret
        key = own.key if own else settings.hub_token_key
        if secret:
            made.say("HUGGINGFACE_TOKEN_FILE", f"{_HUB_TOKEN}/token")
            made.mount("hub-token", _HUB_TOKEN, _secret(secret, {key: "token"}))
    elif own is not None and source.scheme != "pvc":
        keys = {own.key: "token"} if source.scheme == "https" else {key: key for key in _STORE_KEYS}
        made.say("SOURCE_SECRET_DIR", _SOURCE_SECRET)
        made.mount("source-secret", _SOURCE_SECRET, _secret(own.name, keys))


def _secret(name: str, keys: dict[str, str]) -> Json:
    return {"secret": {"secretName": name, "items": [{"key": k, "path": p} for k, p in keys.items()]}}


def _authority(made: Parts, model: Model, settings: Settings) -> None:
    own = model.spec.source.ca_bundle
    name = own.name if own else settings.sources.ca_configmap
    if name:
        item = {"key": own.key if own else "ca.crt", "path": "ca.crt"}
        made.say("SOURCE_CA_FILE", f"{_CA}/ca.crt")
        made.mount("source-ca", _CA, {"configMap": {"name": name, "items": [item]}})


def _claim(made: Parts, model: Model) -> None:
    """Mount the claim of a pvc:// source; a pod may not name one claim in two volumes."""
    claim = model.spec.source.uri.removeprefix("pvc://").partition("/")[0]
    made.say("SOURCE_CLAIM_DIR", _CLAIM)
    if claim == claim_name(model):
        made.mounts.append({"name": "models", "mountPath": _CLAIM, "readOnly": True})
    else:
        made.mount("source", _CLAIM, {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
