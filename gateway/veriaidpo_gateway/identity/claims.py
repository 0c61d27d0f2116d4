"""What a token says whose signature is good: who calls, and from when until when that holds."""

import re
from collections.abc import Mapping
from typing import Any

from veriaidpo_gateway.identity.access import TENANT, Caller
from veriaidpo_gateway.token_settings import TokenSettings

SKEW = 60
"""Seconds another machine's clock may be ahead of ours (`iat`, `nbf`); `exp` has no such grace."""

_ROLE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RefusedError(Exception):
    """The token is not good; the text is for whoever reads the tests, never for a caller."""


def caller_of(claims: Mapping[str, Any], settings: TokenSettings) -> Caller:
    """Read who calls; RefusedError or KeyError."""
    if settings.issuer is not None and claims.get("iss") != settings.issuer:
        raise RefusedError("iss")
    if settings.audience is not None and settings.audience not in _audiences(claims.get("aud")):
        raise RefusedError("aud")
    return Caller(
        sub=_string(claims, "sub", 256),
        role=_matching(claims, "role", _ROLE),
        tenant=_matching(claims, "tenant_id", TENANT),
        permissions=_permissions(claims),
        jti=_string(claims, "jti", 256) if "jti" in claims else None,
    )


def times_of(claims: Mapping[str, Any]) -> dict[str, int]:
    """Read when a token begins and ends, in seconds since 1970."""
    return {name: _whole(claims[name]) for name in ("exp", "iat", "nbf") if name in claims}


def check_times(times: Mapping[str, int], max_lifetime: int, now: float) -> None:
    """Let a token pass that is good now; `exp` is required, and may be at most so many seconds away."""
    if not now < times["exp"] <= now + max_lifetime + SKEW:
        raise RefusedError("exp")
    for name in ("iat", "nbf"):
        if times.get(name, 0) > now + SKEW:
            raise RefusedError(name)


def _whole(value: object) -> int:
    # bool is an int to Python; "1" and 1.0 are not times to us.
    if type(value) is not int:
        raise RefusedError("not a whole number")
    return value


def _audiences(claim: object) -> list[str]:
    found = [claim] if isinstance(claim, str) else claim
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise RefusedError("aud")
    return found


def _string(claims: Mapping[str, Any], name: str, longest: int) -> str:
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise RefusedError(name)
    return value


def _matching(claims: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = claims[name]
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise RefusedError(name)
    return value


def _permissions(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "permissions" not in claims:
        return None
    found = claims["permissions"]
    if not isinstance(found, list) or len(found) > 256:
        raise RefusedError("permissions")
    if not all(isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable() for name in found):
        raise RefusedError("permissions")
    return tuple(found)
