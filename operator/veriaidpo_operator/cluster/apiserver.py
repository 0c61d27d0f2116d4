"""Plain calls to the API server: JSON in, JSON out, one kind of error.

The kubernetes client brings configuration, credentials (renewed while running), TLS and the connection pool;
its generated models are not used, because server-side apply sends exactly the fields that are meant and no
others.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config

from veriaidpo_operator.api import GROUP, MANAGER, PLURAL, VERSION, Json
from veriaidpo_operator.decisions.refusals import unanswered

PATHS = {
    "Model": (f"/apis/{GROUP}/{VERSION}", PLURAL),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Service": ("/api/v1", "services"),
    "Event": ("/api/v1", "events"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "InferenceService": ("/apis/serving.kserve.io/v1beta1", "inferenceservices"),
}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 15.0


class ApiError(Exception):
    """The API server said no, or could not be asked (then code is 0)."""

    def __init__(self, code: int, message: str, *, status: bool) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.message = message
        self.status = status
        """Whether the answer was a Status object: a 404 without one means an unknown resource type."""

    @property
    def unanswered(self) -> bool:
        """Tell whether a webhook that has to be asked did not answer: its controller is down."""
        return self.code in {500, 503, 504} and unanswered(self.message)

    @property
    def refused(self) -> bool:
        """Tell whether the same request would be refused again: the object or our right to it is wrong."""
        return self.code in {400, 403, 422}


class ApiServer:
    """Calls for one namespace. Safe to use from several threads."""

    def __init__(self, api: client.ApiClient, namespace: str, called: Callable[[str], None]) -> None:
        self._api = api
        self.namespace = namespace
        self._called = called

    def path(self, kind: str, name: str = "", subresource: str = "") -> str:
        """Return the path of an object, or of all objects of a kind."""
        group, plural = PATHS[kind]
        parts = [group, "namespaces", self.namespace, plural, name, subresource]
        return "/".join(part for part in parts if part)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        """Send one request; ApiError unless the answer is a success."""
        headers = {"Accept": accept, "Content-Type": content_type}
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        self._called(method)
        url = self._api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._api.rest_client.pool_manager.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the API server could not be asked: {error}", status=False) from error
        return _read(answer.status, answer.data)

    def get(self, kind: str, name: str) -> Json | None:
        """Return an object, or None when it is not there."""
        try:
            return self.call("GET", self.path(kind, name))
        except ApiError as error:
            if error.code == 404 and error.status:
                return None
            raise

    def metadata(self, kind: str, **query: str) -> list[Json]:
        """Return the metadata of what list returns: an object may be large."""
        answer = self.call("GET", self.path(kind), query=query, accept=_METADATA)
        items: list[Json] = answer.get("items") or []  # null where there is none
        return items

    def list(self, kind: str, **query: str) -> list[Json]:
        """Return the objects of a kind that match the query (labelSelector, fieldSelector)."""
        items: list[Json] = self.call("GET", self.path(kind), query=query).get("items", [])
        return items

    def create(self, body: Json) -> Json:
        """Make an object."""
        return self.call("POST", self.path(body["kind"]), query={"fieldManager": MANAGER}, body=body)

    def apply(self, body: Json, subresource: str = "") -> Json:
        """Make the fields of an object so, and take them from whoever set them."""
        return self.apply_at(self.path(body["kind"], body["metadata"]["name"], subresource), body)

    def apply_at(self, path: str, body: Json) -> Json:
        """Do the same for an object at a path of its own."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return self.call("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")

    def merge(self, kind: str, name: str, body: Json) -> Json:
        """Change the fields of an object that is there."""
        query = {"fieldManager": MANAGER}
        content_type = "application/merge-patch+json"
        return self.call("PATCH", self.path(kind, name), query=query, body=body, content_type=content_type)

    def delete(self, kind: str, name: str, *, uid: str, propagation: str) -> None:
        """Remove the object with that UID; one that has gone, or is another by now, counts as removed."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation,
        }
        try:
            self.call("DELETE", self.path(kind, name), body=body)
        except ApiError as error:
            if error.code not in {404, 409}:
                raise


def _read(code: int, data: bytes) -> Json:
    try:
        parsed: Any = json.loads(data)
    except ValueError:
        parsed = None
    if 200 <= code < 300 and isinstance(parsed, dict):
        return parsed
    if isinstance(parsed, dict) and parsed.get("kind") == "Status":
        raise ApiError(code, str(parsed.get("message", "")), status=True)
    raise ApiError(code, data[:200].decode(errors="replace").strip(), status=False)


def connect(namespace: str, called: Callable[[str], None] = lambda _: None) -> ApiServer:
    """Connect with the pod's service account, or with KUBECONFIG outside of a cluster.

    called: is told the method of each request.
    """
    configuration = client.Configuration()
    # HTTPS_PROXY is for what is outside; where an API server is behind a proxy, its kubeconfig says so.
    configuration.proxy = None
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return ApiServer(client.ApiClient(configuration), namespace, called)
