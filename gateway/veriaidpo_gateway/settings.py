"""What an installation may set, read once from the environment and passed down; nothing reads it again.

Every secret also has a twin ending in `_FILE`: a mounted file, which wins over the plain variable. Files of
keys are followed while the gateway runs (see `keys.py`), so a rotated secret needs no restart.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from veriaidpo_gateway import environment, record_settings, token_settings, trace_settings
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.token_settings import TokenSettings
from veriaidpo_gateway.trace_settings import TraceSettings

EVERYWHERE = "0.0.0.0"  # noqa: S104  a container does not know its only address beforehand


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
        tokens=token_settings.read(environ),
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
