"""What a tenant is called in the names of cached results: another name once its data was erased. Pure."""

from collections.abc import Mapping


class ForgottenUpTo:
    """Up to when what is cached of each tenant is forgotten; all times in milliseconds since 1970.

    An erasure is known for `known_for`: longer than any result of before it is kept.
    """

    def __init__(self, known_for: int) -> None:
        self._known_for = known_for
        self.known: dict[str, int] = {}
        """The time of each tenant that anything was erased of."""

    def learn(self, found: Mapping[str, int], now: int) -> None:
        """Take what was erased here or elsewhere, the later of two, and let go of what is long past."""
        for tenant, before in found.items():
            self.known[tenant] = max(before, self.known.get(tenant, before))
        since = now - self._known_for
        if any(before < since for before in self.known.values()):
            self.known = {tenant: before for tenant, before in self.known.items() if before >= since}

    def next(self, tenant: str, now: int) -> int:
        """Say up to when an erasure of now is, so that the tenant's name changes by it.

        By another replica's clock it may have been erased at a time that is still to come here.
        """
        return max(now, self.known.get(tenant, 0)) + 1

    def name(self, tenant: str, known_as: str | None = None) -> str:
        """Name a tenant; `known_as` is what it was learnt as, where that is another word."""
        before = self.known.get(known_as or tenant)
        return tenant if before is None else f"{tenant}@{before}"
