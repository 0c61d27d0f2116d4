"""The backend of before: its proxy in front of the service, as the plan of the migration has it.

Only what the service can notice is kept: paths without a prefix, headers, timeouts, and that whatever comes
back is read as JSON and handed on, whatever its status was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class CurrentUser:
    """Whoever is logged in at the backend; `service_token` is what it signs for the service."""

    tenant_id: str
    role: str
    service_token: str


class FormerBackend:
    """Asks the service at a URL; raises httpx's errors where the backend made a 503 or 504 of them."""

    def __init__(self, service_url: str) -> None:
        self._url = service_url

    async def classify(self, request: Mapping[str, Any], current_user: CurrentUser) -> Any:
        async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
            response = await client.post(
                f"{self._url}/classify",
                json=dict(request),
                headers={
                    "Authorization": f"Bearer {current_user.service_token}",
                    "X-Tenant-ID": current_user.tenant_id,
                    "X-User-Role": current_user.role,
                },
            )
            return response.json()

    async def normalize(self, request: Mapping[str, Any], current_user: CurrentUser) -> Any:
        async with httpx.AsyncClient(timeout=15.0, trust_env=False) as client:
            response = await client.post(
                f"{self._url}/normalize",
                json=dict(request),
                headers={"Authorization": f"Bearer {current_user.service_token}"},
            )
            return response.json()

    async def health(self) -> Any:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            response = await client.get(f"{self._url}/health")
            return response.json()
