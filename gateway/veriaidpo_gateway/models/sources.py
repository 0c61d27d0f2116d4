"""Where the table of routes comes from: a file of Model resources, or a watch on them (see `watch.py`)."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.models.routes import Model, Routes, model_from

KIND = "Model"

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Knows the models of now, and keeps knowing them while it cannot learn anything new."""

    @property
    def kind(self) -> str:
        """How it learns: `file` or `watch`."""

    @property
    def connected(self) -> bool:
        """Whether it could learn something new just now."""

    def current(self) -> Routes | None:
        """Return the last good table; None before the first."""

    async def run(self) -> None:
        """Keep it up to date until cancelled."""


def models_from(resources: Iterable[Mapping[str, Any]]) -> list[Model]:
    """Read resources one by one: a broken one is left out and takes no other down."""
    models = []
    for resource in resources:
        try:
            models.append(model_from(resource))
        except ValueError:
            _log.warning("left out a Model resource that cannot be used: %s", _name(resource))
    return models


def parse_file(data: bytes) -> Routes:
    """Read YAML or JSON documents: Models, or Lists of them; ValueError when it is not YAML."""
    import yaml  # noqa: PLC0415  for its weight: a gateway in a cluster reads no file

    try:
        documents = [document for document in yaml.safe_load_all(data) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error
    resources: list[Mapping[str, Any]] = []
    for document in documents:
        if not isinstance(document, dict):
            raise ValueError("a document that is not a resource")  # noqa: TRY004  one kind of trouble with a file
        if str(document.get("kind", "")).endswith("List"):
            resources += document.get("items") or ()
        elif document.get("kind") == KIND:
            resources.append(document)
    return Routes(models_from(resources))


class FileSource:
    """A file that is read again when it changes."""

    kind = "file"
    connected = True

    def __init__(self, path: Path) -> None:
        try:
            self._followed = Followed(path, parse_file)
        except (OSError, ValueError) as error:
            raise InvalidSettingsError("ROUTES_FILE: the file cannot be read") from error

    def current(self) -> Routes:
        """Return what the file last said."""
        return self._followed.value

    async def run(self) -> None:
        """Nothing to do: the file is looked at when somebody asks."""


def _name(resource: object) -> str:
    metadata = resource.get("metadata") if isinstance(resource, dict) else None
    return str(metadata.get("name", "?"))[:253] if isinstance(metadata, dict) else "?"
