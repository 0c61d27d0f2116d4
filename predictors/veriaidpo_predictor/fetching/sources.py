"""Which source a spec means, and everything that opening it needs from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from veriaidpo_predictor.fetching import allowed
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.claim import Claim
from veriaidpo_predictor.fetching.hub import Hub
from veriaidpo_predictor.fetching.s3 import S3, Store
from veriaidpo_predictor.fetching.source import Patience, Source
from veriaidpo_predictor.fetching.spec import SpecSource
from veriaidpo_predictor.fetching.web import Web
from veriaidpo_predictor.fetching.wire import Wire
from veriaidpo_predictor.outcome import FetchError, Reason

DEFAULT_ENDPOINT = "https://huggingface.co"
_GOOGLE = "https://storage.googleapis.com"

_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
_HUB = re.compile(rf"hf://(?P<repo>{_NAME}/{_NAME})", re.ASCII)
_BUCKET = re.compile(
    r"(?:s3|gs)://(?P<bucket>[a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#]*))?", re.ASCII
)
_CLAIM = re.compile(r"pvc://[a-z0-9][a-z0-9.-]*(?:/(?P<folder>[\w./-]*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a source is opened with, besides its spec."""

    environ: Mapping[str, str]
    client: httpx.Client
    allowed: Allowed
    patience: Patience


def allowed_for(source: SpecSource, environ: Mapping[str, str]) -> Allowed:
    """Give what may be asked; the hub of $HF_ENDPOINT was named by whoever runs the fetch, wherever it is."""
    found = allowed.read(environ)
    found.check_scheme(source.uri)
    endpoint = environ.get("HF_ENDPOINT")
    return (
        found.and_inside(httpx.URL(endpoint).host) if endpoint and source.uri.startswith("hf://") else found
    )


def opened(source: SpecSource, opening: Opening) -> Source:
    """Open a source; raises FetchError when there is none of this form."""
    match source.uri.partition("://")[0]:
        case "hf":
            return _hub(source, opening)
        case "https":
            wire = Wire(opening.client, allowed=opening.allowed, who="The server")
            token = _secret(opening.environ, "token")
            return Web(source.uri, pins=source.files, token=token, patience=opening.patience, wire=wire)
        case "s3" | "gs":
            return _s3(source, opening)
        case "pvc":
            found = _form(_CLAIM, source.uri)
            root = Path(opening.environ.get("SOURCE_CLAIM_DIR", "/mnt/source"))
            return Claim(root, (found["folder"] or "").strip("/"), patience=opening.patience)
    raise FetchError(Reason.SOURCE_REFUSED, "A source is hf://, https://, s3://, gs:// or pvc://.")


def _hub(source: SpecSource, opening: Opening) -> Source:
    environ = opening.environ
    wire = Wire(opening.client, allowed=opening.allowed, who="The hub", missing="repository")
    file, given = environ.get("HUGGINGFACE_TOKEN_FILE"), environ.get("HUGGINGFACE_TOKEN", "")
    return Hub(
        environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT,
        repo=_form(_HUB, source.uri)["repo"],
        revision=source.revision,
        token=_read(Path(file)) if file else _checked(given),
        patience=opening.patience,
        wire=wire,
    )


def _s3(source: SpecSource, opening: Opening) -> Source:
    """Open a bucket of S3's, or of Google's, which speaks S3's protocol to those who have an HMAC key."""
    found = _form(_BUCKET, source.uri)
    key, secret = (_secret(opening.environ, name) for name in ("access-key-id", "secret-access-key"))
    is_google = source.uri.startswith("gs://")
    is_elsewhere = is_google or source.endpoint is not None
    store = Store(
        endpoint=source.endpoint or (_GOOGLE if is_google else f"https://s3.{source.region}.amazonaws.com"),
        region="auto" if is_google else source.region,
        path_style=is_elsewhere if source.path_style is None else source.path_style,
        keys=(key, secret) if key and secret else None,
    )
    wire = Wire(opening.client, allowed=opening.allowed, who="The store", missing="bucket or object")
    return S3(found["bucket"], found["prefix"] or "", store=store, patience=opening.patience, wire=wire)


def _form(form: re.Pattern[str], uri: str) -> re.Match[str]:
    found = form.fullmatch(uri)
    if found is None or ".." in uri:
        raise FetchError(Reason.SOURCE_REFUSED, "The source's address is not of the form that its kind has.")
    return found


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    """Read one of the files of $SOURCE_SECRET_DIR; None where there is none of that name."""
    folder = environ.get("SOURCE_SECRET_DIR")
    if not folder or not (Path(folder) / name).exists():
        return None
    return _read(Path(folder) / name)


def _read(path: Path) -> str | None:
    try:
        return _checked(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise FetchError(
            Reason.SOURCE_UNAUTHORIZED, "The file with the source's token cannot be read."
        ) from None


def _checked(text: str) -> str | None:
    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise FetchError(Reason.SOURCE_UNAUTHORIZED, "The source's token is not a token.")
    return token or None
