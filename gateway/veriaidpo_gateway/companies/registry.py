"""The companies that are known now: what the database last said, or what is shipped until it answers."""

import asyncio
import logging
from typing import Any

from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.normalisation.companies import Registry, shipped_registry
from veriaidpo_gateway.normalisation.legal_forms import LegalForms
from veriaidpo_gateway.normalisation.normalise import Normalised, Normaliser

EVERY = 1.0
"""Seconds between two looks at the counter of changes: one small question, answered from memory."""

_log = logging.getLogger(__name__)


class CompanyRegistry:
    """A normaliser that follows the registry. It is replaced whole, so no text meets half a change."""

    every = EVERY

    def __init__(self, store: CompanyStore, forms: LegalForms) -> None:
        self._store, self._forms = store, forms
        self._use(shipped_registry())
        self._revision: int | None = None
        self._prepared = False
        self.away = False
        """Whether the database did not answer the last time."""

    def __call__(self, text: str) -> Normalised:
        """Normalise a text that passed `texts.check`."""
        return self._normaliser(text)

    @property
    def version(self) -> str:
        """The version of the normaliser as it is now."""
        return self._normaliser.version

    def health(self) -> dict[str, Any]:
        """Tell how the registry is. Without its database it goes on with what it knows: degraded at worst."""
        status = "degraded" if self.away else "healthy"
        return {"status": status, "companies": self.size, "kind": self._store.kind}

    async def refresh(self) -> None:
        """Learn what has changed; what is known stays when the database is away."""
        try:
            if not self._prepared:
                await self._store.prepare()
                self._prepared = True
            revision = await self._store.revision()
            if revision != self._revision:
                companies = [entry.company async for entry in self._store.everything()]
                # Beside the event loop: a large registry takes a second.
                self._use(await asyncio.to_thread(Registry, companies))
                self._revision = revision
        except DatabaseAwayError as error:
            if not self.away:
                _log.warning("the database of companies is away: %s", error.cause)
            # It may come back empty, or older than it was.
            self.away, self._prepared, self._revision = True, False, None
        else:
            if self.away:
                _log.info("the database of companies is back")
            self.away = False

    def _use(self, registry: Registry) -> None:
        self._normaliser, self.size = Normaliser(registry, self._forms), registry.size
