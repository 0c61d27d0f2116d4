"""Which collector is told of requests, and whose traces are gone on with, as the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from veriaidpo_gateway import environment
from veriaidpo_gateway.environment import InvalidSettingsError


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Which collector is told of requests. OpenTelemetry itself reads what else it needs: headers, a CA."""

    endpoint: str
    """Its base address, http or https, with nothing in it that must not be logged."""

    ratio: float = 1.0
    """The share of traces begun here that are told, from 0 to 1."""

    trusted: tuple[IPv4Network | IPv6Network, ...] = ()
    """Clients whose own traces are gone on with; anybody else's request begins a new one."""


def read(environ: Mapping[str, str]) -> TraceSettings | None:
    """Read the settings; None where no collector is named, InvalidSettingsError for what cannot be used."""
    endpoint = environment.text(environ, "OTEL_EXPORTER_OTLP_ENDPOINT")
    if endpoint is None:
        return None
    if not _is_usable(endpoint):
        raise InvalidSettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: an http or https address, without a user and a password"
        )
    named = environment.text(environ, "TRACE_TRUSTED_CIDRS")
    try:
        trusted = tuple(ip_network(one.strip(), strict=False) for one in (named.split(",") if named else ()))
    except ValueError:
        raise InvalidSettingsError("TRACE_TRUSTED_CIDRS: networks, with commas between") from None
    return TraceSettings(endpoint, environment.share(environ, "OTEL_TRACES_SAMPLER_ARG", 1.0), trusted)


def _is_usable(endpoint: str) -> bool:
    """Whether it is an address that may be logged: a password belongs into the headers, as a secret."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc
