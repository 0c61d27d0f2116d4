"""Who may see what. With a token every repository is private; a gated one hides its files alone.

The refusals are worded as the real hub words them, since clients tell them apart by code and message:
hf_raise_for_status in huggingface_hub/utils/_http.py.
"""

import hmac
from dataclasses import dataclass

from veriaidpo_hub.routes import Kind, Route


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of 401 or 403. `code` is X-Error-Code, empty where the real hub sends none."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Access:
    """`token`: the only one that is known, None for a public hub. `gated`: OWNER/repo."""

    token: str | None
    gated: frozenset[str]

    def refusal(self, route: Route, authorization: str | None) -> Refusal | None:
        """Say why this request may not see the repository; None when it may, whether it exists or not."""
        known = self.token is not None and _same(authorization, f"Bearer {self.token}")
        if known:
            return None
        if self.token is not None and authorization is not None:
            return Refusal(401, "", "Invalid credentials in Authorization header")
        if route.repository in self.gated:
            return self._gated(route, authorization) if route.kind is Kind.FILE else None
        if self.token is not None:
            return Refusal(401, "RepoNotFound", "Invalid username or password.")
        return None

    @staticmethod
    def _gated(route: Route, authorization: str | None) -> Refusal:
        if authorization is None:
            hint = "You must have access to it and be authenticated to access it. Please log in."
            return Refusal(401, "GatedRepo", f"Access to model {route.repository} is restricted. {hint}")
        hint = "you are not in the authorized list"
        return Refusal(403, "GatedRepo", f"Access to model {route.repository} is restricted and {hint}.")


def _same(given: str | None, wanted: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
