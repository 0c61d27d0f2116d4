"""What an installation may set, read once from the environment and passed down; nothing reads it again.

Every secret also has a twin ending in `_FILE`: a mounted file, which wins over the plain variable. Files of
keys are followed while the gateway runs (see `keys.py`), so a rotated secret needs no restart.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from veriaidpo_gateway import environment, record_settings, trace_settings
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.trace_settings import TraceSettings

EVERYWHERE = "0.0.0.0"  # noqa: S104  a container does not know its only address beforehand


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How callers' tokens are checked.

    For HS256 exactly one of `secret` and `secret_file` is set, for RS256 and ES256 one of `jwks_url` and
    `jwks_file`.
    """

    algorithms: tuple[str, ...] = ("HS256",)
    secret: str | None = field(default=None, repr=False)
    secret_file: Path | None = None
    jwks_url: str | None = None
    jwks_file: Path | None = None
    issuer: str | None = None
    audience: str | None = None
    max_lifetime: int = 86_400
    """Seconds a token may still be good for: a stolen one that never ends is refused."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Calls and characters of text a second; 0 means no limit."""

    per_user: int = 100
    per_tenant: int = 1000
    characters_per_user: int = 0
    characters_per_tenant: int = 0
    plans: Path | None = None
    """A file of the tenants that have limits of their own, as `plans.py` reads it."""

    record_days: int = 0
    """Days until what a decision record says is erased; 0: never."""

    replicas: int = 1
    """By how much a replica divides the limits while it has to count alone."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where limits, results and revocations are shared; `url_file` wins, and is followed as `ca_file` is."""

    url: str = field(default="", repr=False)
    url_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How long results are kept; `key` is the HMAC key shared by the replicas."""

    ttl: int = 3600
    key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """Where Model resources come from. Exactly one of the two is set."""

    file: Path | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    tokens: TokenSettings
    limits: LimitSettings
    cache: CacheSettings
    routes: RouteSettings
    redis: RedisSettings | None = None
    service_key_file: Path | None = None
    host: str = EVERYWHERE
    port: int = 8001
    inner_port: int = 9090
    log_level: str = "INFO"
    database_url: str | None = field(default=None, repr=False)
    """Where the registry of companies is kept; None: in memory, as shipped after every start."""

    records: RecordSettings | None = None
    """How decisions are recorded; None: they are not."""

    traces: TraceSettings | None = None
    normaliser_model_for_classify: bool = False
    """Whether the company normaliser is asked before each classification, and not only by /normalize."""


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read every setting; raise InvalidSettingsError for the first that cannot be used."""
    redis = _redis(environ)
    cache_key = environment.secret(environ, "CACHE_KEY")
    per_user = environment.number(environ, "RATE_LIMIT_PER_SECOND", 100)
    service_key = environment.text(environ, "SERVICE_KEY_FILE")
    plans = environment.text(environ, "PLANS_FILE")
    return Settings(
        tokens=_tokens(environ),
        limits=LimitSettings(
            per_user=per_user,
            per_tenant=environment.number(environ, "TENANT_RATE_LIMIT_PER_SECOND", 10 * per_user),
            characters_per_user=environment.number(environ, "CHARACTER_LIMIT_PER_SECOND", 0),
            characters_per_tenant=environment.number(environ, "TENANT_CHARACTER_LIMIT_PER_SECOND", 0),
            plans=Path(plans) if plans else None,
            record_days=environment.number(environ, "RECORDS_RETENTION_DAYS", 0),
            replicas=environment.number(environ, "MAX_REPLICAS", 2 if redis else 1, lowest=1),
        ),
        cache=CacheSettings(
            ttl=environment.number(environ, "CACHE_TTL_SECONDS", 3600, lowest=1),
            key=cache_key.encode() if cache_key else None,
        ),
        routes=_routes(environ),
        redis=redis,
        service_key_file=Path(service_key) if service_key else None,
        host=environment.text(environ, "HOST") or EVERYWHERE,
        port=environment.number(environ, "PORT", 8001),
        inner_port=environment.number(environ, "INNER_PORT", 9090),
        log_level=_log_level(environ),
        database_url=environment.secret(environ, "DATABASE_URL"),
        records=record_settings.read(environ, Path(service_key) if service_key else None, cache_key),
        traces=trace_settings.read(environ),
        normaliser_model_for_classify=environment.flag(environ, "NORMALIZER_MODEL_FOR_CLASSIFY"),
    )


def _redis(environ: Mapping[str, str]) -> RedisSettings | None:
    url = environment.secret(environ, "REDIS_URL")
    if url is None:
        return None
    file, ca_file = environment.text(environ, "REDIS_URL_FILE"), environment.text(environ, "REDIS_CA_FILE")
    return RedisSettings(
        "" if file else url, Path(file) if file else None, Path(ca_file) if ca_file else None
    )


def _tokens(environ: Mapping[str, str]) -> TokenSettings:
    algorithms = _algorithms(environ)
    secret, file = (
        environment.text(environ, "JWT_SECRET_KEY"),
        environment.text(environ, "JWT_SECRET_KEY_FILE"),
    )
    if "HS256" not in algorithms:
        secret = file = None
    elif not secret and not file:
        raise InvalidSettingsError("JWT_SECRET_KEY or JWT_SECRET_KEY_FILE is required")
    jwks_url, jwks_file = _key_set(environ, wanted=bool(algorithms & {"RS256", "ES256"}))
    return TokenSettings(
        algorithms=tuple(sorted(algorithms)),
        secret=None if file else secret,
        secret_file=Path(file) if file else None,
        jwks_url=jwks_url,
        jwks_file=jwks_file,
        issuer=environment.text(environ, "JWT_ISSUER"),
        audience=environment.text(environ, "JWT_AUDIENCE"),
        max_lifetime=environment.number(environ, "JWT_MAX_LIFETIME_SECONDS", 86_400, lowest=1),
    )


def _algorithms(environ: Mapping[str, str]) -> frozenset[str]:
    named = frozenset(
        name.strip() for name in (environment.text(environ, "JWT_ALGORITHM") or "HS256").split(",")
    )
    if not named <= {"HS256", "RS256", "ES256"}:
        raise InvalidSettingsError(
            "JWT_ALGORITHM: one or several of HS256, RS256, ES256, with commas between"
        )
    return named


def _key_set(environ: Mapping[str, str], *, wanted: bool) -> tuple[str | None, Path | None]:
    url, file = environment.text(environ, "JWKS_URL"), environment.text(environ, "JWKS_FILE")
    if not wanted:
        if url or file:
            raise InvalidSettingsError(
                "JWKS_URL and JWKS_FILE are for RS256 and ES256: name them in JWT_ALGORITHM"
            )
        return None, None
    if bool(url) == bool(file):
        raise InvalidSettingsError("JWKS_URL or JWKS_FILE: exactly one is required for RS256 and ES256")
    if url:
        _check_address(url, plain_allowed=environment.flag(environ, "JWKS_ALLOW_HTTP"))
    return url, Path(file) if file else None


def _check_address(url: str, *, plain_allowed: bool) -> None:
    """Whoever can change a key set on its way can sign any token: over the network, only TLS will do."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise InvalidSettingsError("JWKS_URL: not an address") from None
    plain = parts.scheme == "http" and (plain_allowed or _is_loopback(host))
    if not host or not (plain or parts.scheme == "https"):
        raise InvalidSettingsError("JWKS_URL: an https address is needed, or JWKS_ALLOW_HTTP=true")
    if parts.username is not None or parts.fragment:
        raise InvalidSettingsError("JWKS_URL: an address without a user and a fragment is needed")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _routes(environ: Mapping[str, str]) -> RouteSettings:
    file, namespace = (
        environment.text(environ, "ROUTES_FILE"),
        environment.text(environ, "KUBERNETES_NAMESPACE"),
    )
    if file:
        return RouteSettings(file=Path(file))
    if namespace:
        return RouteSettings(namespace=namespace)
    raise InvalidSettingsError("ROUTES_FILE or KUBERNETES_NAMESPACE is required")


def _log_level(environ: Mapping[str, str]) -> str:
    level = (environment.text(environ, "LOG_LEVEL") or "INFO").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise InvalidSettingsError("LOG_LEVEL: one of DEBUG, INFO, WARNING, ERROR")
    return level
