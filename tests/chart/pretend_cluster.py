"""An API server as far as Helm asks one while it renders: which kinds there are, and Secrets."""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from .conftest import CHART, REPO, RenderError, render

NAMESPACE = "aidpo"
VERSION = {"major": "1", "minor": "35", "gitVersion": "v1.35.4"}


@cache
def discovery() -> dict[str, dict[str, Any]]:
    """Give, by path, what is said of the kinds that the chart makes: Helm makes nothing of any other."""
    resources: dict[str, list[dict[str, Any]]] = {"v1": []}
    for version, kind in sorted({(item["apiVersion"], item["kind"]) for item in render()}):
        named = {
            "name": f"{kind.lower()}s",
            "kind": kind,
            "singularName": "",
            "namespaced": True,
            "verbs": ["get"],
        }
        resources.setdefault(version, []).append(named)
    groups = [
        {"name": one.partition("/")[0], "versions": [{"groupVersion": one, "version": one.partition("/")[2]}]}
        for one in resources
        if "/" in one
    ]
    lists = {
        f"/apis/{version}" if "/" in version else f"/api/{version}": {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": found,
        }
        for version, found in resources.items()
    }
    return {
        "/version": VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
        **lists,
    }


@dataclass
class Cluster:
    """Its Secrets, which a test changes, and the file by which Helm finds it."""

    kubeconfig: Path
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the object at a path; None where there is none."""
        folder, _, name = path.rpartition("/")
        if folder == f"/api/v1/namespaces/{NAMESPACE}/secrets" and name in self.secrets:
            data = {k: base64.b64encode(v.encode()).decode() for k, v in self.secrets[name].items()}
            metadata = {"name": name, "resourceVersion": self.version(name)}
            return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        return discovery().get(path)

    def version(self, name: str) -> str:
        """Return a Secret's resourceVersion: another number with every change."""
        return str(int(sha256(json.dumps(self.secrets[name]).encode()).hexdigest()[:12], 16))

    def render(self, *settings: str) -> list[dict[str, Any]]:
        """Return what an upgrade with these --set settings would apply; RenderError with Helm's words."""
        flags = [flag for setting in settings for flag in ("--set", setting)]
        there = ("--namespace", NAMESPACE, "--kubeconfig", str(self.kubeconfig), "--is-upgrade")
        command = [str(REPO / "hack/helm"), "template", "veriaidpo", str(CHART), *there, *flags]
        done = subprocess.run(
            [*command, "--dry-run=server", "--disable-openapi-validation"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "KUBECACHEDIR": str(self.kubeconfig.parent)},
        )
        if done.returncode != 0:
            raise RenderError(done.stderr)
        return [item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item]


@contextmanager
def pretend_cluster(folder: Path) -> Iterator[Cluster]:
    """Run one on loopback until the block ends."""
    cluster = Cluster(folder / "kubeconfig")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = cluster.answer(self.path.partition("?")[0])
            body = json.dumps(found or {"kind": "Status", "reason": "NotFound", "code": 404}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    where = {"cluster": {"server": f"http://127.0.0.1:{server.server_port}"}, "name": "pretended"}
    named = {"context": {"cluster": "pretended", "user": "nobody"}, "name": "pretended"}
    config = {"clusters": [where], "contexts": [named], "users": [{"name": "nobody", "user": {}}]}
    cluster.kubeconfig.write_text(json.dumps({"kind": "Config", "current-context": "pretended", **config}))
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
