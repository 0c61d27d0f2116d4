"""How callers' tokens are checked: with which keys and algorithms, and what they have to say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from veriaidpo_gateway import environment
from veriaidpo_gateway.environment import InvalidSettingsError


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


def read(environ: Mapping[str, str]) -> TokenSettings:
    """Read them; InvalidSettingsError for what is missing or wrong."""
    algorithms = accepted(environ)
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


def accepted(environ: Mapping[str, str]) -> frozenset[str]:
    """Read which algorithms tokens may be signed by."""
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
