"""Which limits hold for whom: those of the settings, and for tenants that have a plan, the plan's.

Plans are data in one file, followed while the gateway runs:

    {"plans": {"large": {"userRequests": 500}}, "tenants": {"shopee": "large"}}

What a plan leaves out is as for everybody. Numbers are for any one second, but for `recordDays`; 0 means no
limit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from veriaidpo_gateway.identity.access import TENANT
from veriaidpo_gateway.normalisation.texts import LONGEST


def _enough(characters: int) -> int:
    """Check that the longest text fits: it could never be asked otherwise."""
    if 0 < characters < LONGEST:
        raise ValueError(f"0, or at least {LONGEST}")
    return characters


@dataclass(frozen=True, slots=True)
class Plan:
    """How much one user may do, and how much all users of a tenant may do together, in any second."""

    user_requests: int = 100
    user_characters: int = 0
    tenant_requests: int = 1000
    tenant_characters: int = 0
    record_days: int = 0
    """How long decision records are kept; 0: until they are erased on request."""

    def __post_init__(self) -> None:
        _enough(self.user_characters)
        _enough(self.tenant_characters)


_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Written(BaseModel):
    """A plan as it is written: it says only what is not as for everybody."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)

    user_requests: _Number | None = None
    user_characters: _Number | None = None
    tenant_requests: _Number | None = None
    tenant_characters: _Number | None = None
    record_days: _Number | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    plans: dict[str, _Written] = {}
    tenants: dict[Annotated[str, Field(pattern=f"^{TENANT.pattern}$")], str] = {}


class Plans:
    """Finds the plan of a tenant."""

    def __init__(self, usual: Plan, of_tenants: Mapping[str, Plan] = MappingProxyType({})) -> None:
        self._usual, self._of_tenants = usual, of_tenants

    def of(self, tenant: str) -> Plan:
        """Return a tenant's own plan, or what holds for everybody."""
        return self._of_tenants.get(tenant, self._usual)

    def all(self) -> Iterator[Plan]:
        """Go through all plans that hold for somebody."""
        yield self._usual
        yield from self._of_tenants.values()


def parse(data: bytes, usual: Plan) -> Plans:
    """Read the file; ValueError that names what in it is unknown, or no limit."""
    try:
        written = TypeAdapter(_File).validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{place}: {first['msg']}") from error
    plans = {name: _completed(usual, name, plan) for name, plan in written.plans.items()}
    for tenant, name in written.tenants.items():
        if name not in plans:
            raise ValueError(f"tenants.{tenant}: there is no plan {name}")
    return Plans(usual, {tenant: plans[name] for tenant, name in written.tenants.items()})


def _completed(usual: Plan, name: str, plan: _Written) -> Plan:
    said = plan.model_dump(exclude_none=True)
    defaults = {name: getattr(usual, name) for name in _Written.model_fields}
    try:
        return Plan(**{**defaults, **said})
    except ValueError as error:
        raise ValueError(f"plans.{name}: characters: {error}") from error
