"""Brings the resource definition up to date: Helm installs it once and never changes it again."""

import sys
import time
from pathlib import Path

import yaml

from veriaidpo_operator.api import Json
from veriaidpo_operator.cluster.apiserver import ApiError, ApiServer

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PATIENCE_SECONDS = 30.0


class CrdError(Exception):
    """The definition cannot be applied; the text says why."""


def apply(server: ApiServer, file: str) -> int:
    """Apply every definition in a file ('-': standard input) and wait until it is served; return 0."""
    for definition in _load(file):
        name = definition["metadata"]["name"]
        try:
            server.apply_at(f"{_PATH}/{name}", definition)
        except ApiError as error:
            raise CrdError(f"{name} was not applied: {error}") from error
        _wait(server, name)
        print(f"{name} is up to date")
    return 0


def _load(file: str) -> list[Json]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        documents = [document for document in yaml.safe_load_all(text) if document]
    except (OSError, yaml.YAMLError) as error:
        raise CrdError(f"{file} cannot be read: {error}") from error
    if not documents or any(d.get("kind") != "CustomResourceDefinition" for d in documents):
        raise CrdError(f"{file} has to hold CustomResourceDefinitions and nothing else")
    return documents


def _wait(server: ApiServer, name: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        conditions = (server.call("GET", f"{_PATH}/{name}").get("status") or {}).get("conditions") or []
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        time.sleep(0.5)
    raise CrdError(f"{name} was applied, but is not served after {_PATIENCE_SECONDS:g} s")
