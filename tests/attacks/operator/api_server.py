"""An API server as somebody of whom it knows the token, or as whoever a kubeconfig names."""

import json
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config

Json = dict[str, Any]

DRY = "dryRun=All"
"""In the query of an address: everything but the writing is done."""


@dataclass(frozen=True)
class Answer:
    """What it said. Whoever is not allowed something gets 403, before anything else is looked at."""

    status: int
    body: Json

    @property
    def forbidden(self) -> bool:
        return self.status == 403

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Caller:
    """Somebody who asks it; nothing is written where the address has DRY."""

    api: client.ApiClient
    headers: dict[str, str]

    def ask(self, method: str, path: str, body: Json | None = None, *, as_user: str = "") -> Answer:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        sent = {"Accept": "application/json", "Content-Type": kind, **self.headers}
        if as_user:
            sent["Impersonate-User"] = as_user
        address, rest = f"{self.api.configuration.host}{path}", self.api.rest_client
        found = rest.request(method, address, headers=sent, body=body, _request_timeout=30)  # type: ignore[no-untyped-call]
        try:
            said = json.loads(found.read())
        except ValueError:
            said = {}
        return Answer(found.status, said if isinstance(said, dict) else {})

    def made(self, path: str, body: Json) -> Json:
        """Make an object that has to be made."""
        answer = self.ask("POST", path, body)
        assert answer.status == 201, answer.message
        return answer.body


def administrator() -> Caller:
    """Be whoever KUBECONFIG names."""
    found = client.Configuration()
    config.load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
    known: dict[str, dict[str, str]] = found.auth_settings()  # type: ignore[assignment]
    headers = {one["key"]: one["value"] for one in known.values()}
    return Caller(client.ApiClient(found), headers)


def account(by: Caller, namespace: str, name: str) -> Caller:
    """Be a ServiceAccount, by a token such as its pods have."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    made = by.made(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    found = client.Configuration()
    found.host, found.ssl_ca_cert = by.api.configuration.host, by.api.configuration.ssl_ca_cert
    return Caller(client.ApiClient(found), {"Authorization": f"Bearer {made['status']['token']}"})
