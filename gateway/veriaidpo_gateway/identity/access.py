"""Who may do what: the roles, what each may do, how one inherits from another. Said here alone."""

import re
from dataclasses import dataclass
from types import MappingProxyType

from veriaidpo_gateway.errors import ErrorCode, GatewayError

CLASSIFY = "processing_activity.read"
NORMALISE = "data_category.write"
STATUS = "analytics.read"
AUDIT = "audit.read"
READ_COMPANIES = "company.read"
WRITE_COMPANIES = "company.write"
ADMINISTER = "user.write"

TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""How a tenant may be called."""

_OWN = MappingProxyType(
    {
        "viewer": frozenset[str](),
        "staff": frozenset({CLASSIFY}),
        "auditor": frozenset({STATUS, AUDIT}),
        "dpo": frozenset({NORMALISE, READ_COMPANIES}),
        "compliance_manager": frozenset({NORMALISE, READ_COMPANIES}),
        "admin": frozenset({ADMINISTER, WRITE_COMPANIES}),
    }
)
_INHERITS = MappingProxyType(
    {
        "dpo": ("staff", "auditor"),
        "compliance_manager": ("staff", "auditor"),
        "admin": ("dpo", "compliance_manager"),
    }
)
ROLES = tuple(_OWN)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as a verified token says. `permissions` is None when the token carries no such claim."""

    sub: str
    role: str
    tenant: str
    permissions: tuple[str, ...] | None = None
    jti: str | None = None


def of_role(role: str) -> frozenset[str]:
    """All permissions of a role, inherited ones included; an unknown role has none."""
    granted = set(_OWN.get(role, frozenset()))
    for parent in _INHERITS.get(role, ()):
        granted |= of_role(parent)
    return frozenset(granted)


_GRANTED = MappingProxyType({role: tuple(sorted(of_role(role))) for role in ROLES})


def permissions_of(caller: Caller) -> tuple[str, ...]:
    """Return the token's own list where it has one (an empty one grants nothing), else the role's."""
    if caller.permissions is not None:
        return caller.permissions
    return _GRANTED.get(caller.role, ())


def require(caller: Caller, permission: str) -> None:
    """Let the caller through or raise the 403 that says what was missing."""
    permissions = permissions_of(caller)
    if permission not in permissions:
        raise GatewayError(
            ErrorCode.PERMISSION_DENIED,
            {
                "required_permission": permission,
                "user_role": caller.role,
                "user_permissions": list(permissions),
            },
        )
