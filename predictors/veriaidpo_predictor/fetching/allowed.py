"""Which sources may be asked: by scheme, by host, and by the address that a host's name stands for. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from veriaidpo_predictor.outcome import FetchError, Reason

SCHEMES = ("hf", "https", "s3", "gs", "pvc")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What whoever runs the fetch allows; a host may be `*.example.com`, for all below that, or `*`.

    Hosts are at public addresses and are asked by https. Those `inside` may also be within the cluster, on
    this machine or link-local, and be asked by http.
    """

    schemes: tuple[str, ...] = SCHEMES
    hosts: tuple[str, ...] = ("*",)
    inside: tuple[str, ...] = ()

    def and_inside(self, host: str) -> "Allowed":
        """Give the same, with one more host inside."""
        return replace(self, inside=(*self.inside, host))

    def check_scheme(self, uri: str) -> None:
        """Raise FetchError unless sources of this kind are allowed."""
        scheme = uri.partition("://")[0]
        if scheme not in self.schemes:
            raise FetchError(Reason.SOURCE_REFUSED, f"Sources of the form {scheme}:// are not allowed here.")

    def check(self, url: httpx.URL) -> None:
        """Raise FetchError unless this address may be asked."""
        inside = _matches(url.host, self.inside)
        if url.userinfo:
            raise FetchError(Reason.SOURCE_REFUSED, "An address with a name or password in it is not asked.")
        if url.scheme != "https" and not (url.scheme == "http" and inside):
            raise FetchError(Reason.SOURCE_REFUSED, f"{url.host} may only be asked by https.")
        if not inside and not _matches(url.host, self.hosts):
            raise FetchError(Reason.SOURCE_REFUSED, f"{url.host} is none of the hosts that may be asked.")

    def check_address(self, host: str, address: str) -> None:
        """Raise FetchError unless a host may be at this address."""
        if not _matches(host, self.inside) and not is_public(address):
            raise FetchError(
                Reason.SOURCE_REFUSED, f"{host} is at {address}, which is not an address of the internet."
            )


def read(environ: Mapping[str, str]) -> Allowed:
    """Read $SOURCE_SCHEMES, $SOURCE_HOSTS and $SOURCE_HOSTS_INSIDE, lists with commas or blanks between."""

    def listed(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        given = environ.get(name)
        return default if given is None else tuple(given.replace(",", " ").split())

    return Allowed(
        schemes=listed("SOURCE_SCHEMES", SCHEMES),
        hosts=listed("SOURCE_HOSTS", ("*",)),
        inside=listed("SOURCE_HOSTS_INSIDE", ()),
    )


def is_public(address: str) -> bool:
    """Tell whether an address is one of the internet, also where IPv4 is written as IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        four = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if four is None and found in _NAT64:
            four = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if four is not None:
            return is_public(str(four))
    return found.is_global and not found.is_multicast


def _matches(host: str, patterns: tuple[str, ...]) -> bool:
    name = host.lower().rstrip(".")
    return any(
        pattern in {"*", name} or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in map(str.lower, patterns)
    )
