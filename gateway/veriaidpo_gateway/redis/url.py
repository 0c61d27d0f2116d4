"""Which Redis an address means: one server, the primary that Sentinels name, or a cluster. Pure.

    redis://user:password@host:6379/2
    redis+sentinel://user:password@sentinel-0:26379,sentinel-1:26379/service/2?sentinel_password=secret
    redis+cluster://user:password@node-0:6379,node-1:6379

`rediss` in place of `redis` is TLS, to everybody the address names and to whomever those name.
"""

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, unquote, urlsplit


class Shape(Enum):
    """What is at the addresses; the value is what follows the scheme."""

    ONE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a server; a password without a user is that of `default`."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def command(self) -> tuple[str, ...] | None:
        """Give the command that says so; None where nobody has to."""
        if self.password is None:
            return None
        return ("AUTH", self.password) if self.user is None else ("AUTH", self.user, self.password)


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """An address understood. `nodes` are the server, the Sentinels, or some nodes of the cluster."""

    shape: Shape
    nodes: tuple[Node, ...]
    login: Login
    tls: bool
    service: str = ""
    """How the Sentinels call what they watch."""

    database: int = 0
    sentinel_login: Login = field(default_factory=Login)


def parse(url: str) -> RedisUrl:
    """Read an address; ValueError says what is wrong with it and repeats nothing of it."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise ValueError("not an address") from None  # the library's own words have the password in them
    scheme, _, kind = parts.scheme.partition("+")
    if scheme not in ("redis", "rediss") or kind not in {shape.value for shape in Shape} or parts.fragment:
        raise ValueError("redis://, rediss://, redis+sentinel://, redis+cluster:// … is needed")
    shape = Shape(kind)
    user, _, hosts = parts.netloc.rpartition("@")
    service, database = _path(parts.path, shape)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    sentinel = Login(asked.pop("sentinel_username", None), asked.pop("sentinel_password", None))
    if asked or (shape is not Shape.SENTINEL and sentinel != Login()):
        raise ValueError("an option that is not known here")
    nodes = tuple(_node(host, 26379 if shape is Shape.SENTINEL else 6379) for host in hosts.split(","))
    if shape is Shape.ONE and len(nodes) > 1:
        raise ValueError("several servers are a cluster, or watched by Sentinels")
    return RedisUrl(shape, nodes, _login(user), scheme == "rediss", service, database, sentinel)


def _path(path: str, shape: Shape) -> tuple[str, int]:
    words = [unquote(word) for word in path.strip("/").split("/") if word]
    service = ""
    if shape is Shape.SENTINEL:
        if not words:
            raise ValueError("the service that the Sentinels watch is missing")
        service = words.pop(0)
    if len(words) > 1 or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError("a database is a number")
    database = int(words[0]) if words else 0
    if shape is Shape.CLUSTER and database:
        raise ValueError("a cluster has no databases")
    return service, database


def _login(written: str) -> Login:
    user, _, password = written.partition(":")
    return Login(unquote(user) or None, unquote(password) if password else None)


def _node(written: str, usual: int) -> Node:
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise ValueError("a server has a name and perhaps a port")
    return Node(host, port or usual)
