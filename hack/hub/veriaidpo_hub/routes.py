"""Which question a request target asks. Names stay names here: none of them becomes a path on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlencode


class Kind(StrEnum):
    """The questions this hub answers."""

    HEALTH = "health"
    METRICS = "metrics"
    INFO = "info"
    TREE = "tree"
    REFS = "refs"
    FILE = "file"
    CDN = "cdn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Route:
    """One question: about which repository, at which revision, and which path inside of it."""

    kind: Kind
    owner: str = ""
    name: str = ""
    revision: str = "main"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        """OWNER/repo."""
        return f"{self.owner}/{self.name}"

    def asks(self, option: str) -> bool:
        """Whether a yes-or-no option of the query is set."""
        return self.query.get(option, "").lower() in {"1", "true"}

    def query_with(self, **options: str) -> str:
        """Encode the query of the same question with other options."""
        return urlencode({**self.query, **options})


def parse(target: str) -> Route:
    """Read a request target (path and query, or an absolute URL)."""
    query = target.partition("#")[0].partition("?")[2]
    # A revision may hold an encoded slash, thus first split, then decode.
    parts = [unquote(part) for part in path_of(target).split("/")[1:]]
    return _route(parts, dict(parse_qsl(query)))


def path_of(target: str) -> str:
    """Take the path out of a request target, still encoded: what may be logged of it."""
    path = target.partition("#")[0].partition("?")[0]
    return "/" + path.partition("://")[2].partition("/")[2] if "://" in path else path


def _route(parts: list[str], query: dict[str, str]) -> Route:
    match parts:
        case ["healthz"]:
            return Route(Kind.HEALTH)
        case ["metrics"]:
            return Route(Kind.METRICS)
        case ["api", "models", owner, name, *rest]:
            return _api(owner, name, rest, query)
        case ["cdn", owner, name, revision, *path] if path:
            return Route(Kind.CDN, owner, name, revision, "/".join(path), query)
        case [owner, name, "resolve", revision, *path] if owner != "api" and path:
            return Route(Kind.FILE, owner, name, revision, "/".join(path), query)
    return Route(Kind.UNKNOWN)


def _api(owner: str, name: str, rest: list[str], query: dict[str, str]) -> Route:
    match rest:
        case []:
            return Route(Kind.INFO, owner, name, query=query)
        case ["revision", revision]:
            return Route(Kind.INFO, owner, name, revision, query=query)
        case ["tree", revision, *path]:
            return Route(Kind.TREE, owner, name, revision, "/".join(path).strip("/"), query)
        case ["refs"]:
            return Route(Kind.REFS, owner, name, query=query)
    return Route(Kind.UNKNOWN)
