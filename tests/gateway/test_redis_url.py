"""Which Redis an address means."""

import subprocess
import sys

import pytest

from veriaidpo_gateway.redis.url import Login, Node, RedisUrl, Shape, parse

ONE = (Node("r", 6379),)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("redis://r", RedisUrl(Shape.ONE, ONE, Login(), tls=False)),
        ("redis://r/2\n", RedisUrl(Shape.ONE, ONE, Login(), tls=False, database=2)),
        ("redis://:p%40w%2F@r:7000", RedisUrl(Shape.ONE, (Node("r", 7000),), Login(None, "p@w/"), tls=False)),
        ("rediss://gw:pw@r/0", RedisUrl(Shape.ONE, ONE, Login("gw", "pw"), tls=True)),
        ("redis://[fd00::1]:7000", RedisUrl(Shape.ONE, (Node("fd00::1", 7000),), Login(), tls=False)),
        (
            "redis+sentinel://gw:pw@a,b:26380/main/3?sentinel_username=s&sentinel_password=x%20y",
            RedisUrl(
                Shape.SENTINEL,
                (Node("a", 26379), Node("b", 26380)),
                Login("gw", "pw"),
                tls=False,
                service="main",
                database=3,
                sentinel_login=Login("s", "x y"),
            ),
        ),
        (
            "rediss+sentinel://a/main",
            RedisUrl(Shape.SENTINEL, (Node("a", 26379),), Login(), tls=True, service="main"),
        ),
        (
            "rediss+cluster://:pw@a,b:7001",
            RedisUrl(Shape.CLUSTER, (Node("a", 6379), Node("b", 7001)), Login(None, "pw"), tls=True),
        ),
    ],
)
def test_what_an_address_means(url: str, meant: RedisUrl) -> None:
    assert parse(url) == meant


@pytest.mark.parametrize(
    "url",
    [
        "", "r:6379", "http://r", "redis+ssl://r", "redis://", "redis://r:port", "redis://r:99999",
        "redis://r/two", "redis://r/1/2", "redis://r/-1", "redis://a,b", "redis://r?ssl_cert_reqs=none",
        "redis://r?sentinel_password=x", "redis+sentinel://a", "redis+sentinel://a/main/x",
        "redis+cluster://a/2", "redis://r#x", "redis+sentinel://a,/main",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"needed|server|database|service|option|cluster") as refused:
        parse(url.replace("://", "://u:secret@", 1))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["redis://u:secret\uff03@r", "redis://[u:secret@r"])
def test_what_the_library_refuses_is_not_repeated_either(url: str) -> None:
    with pytest.raises(ValueError, match="not an address") as refused:
        parse(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_no_password_is_shown() -> None:
    assert "pw" not in repr(parse("redis+sentinel://u:pw@a/main?sentinel_password=pw"))


@pytest.mark.parametrize(
    ("login", "command"),
    [
        (Login(), None),
        (Login("u"), None),
        (Login(None, "p"), ("AUTH", "p")),
        (Login("u", "p"), ("AUTH", "u", "p")),
        (Login("u", ""), ("AUTH", "u", "")),
    ],
)
def test_how_a_server_is_told_who_we_are(login: Login, command: tuple[str, ...] | None) -> None:
    assert login.command() == command


LOADED = """
import sys
import veriaidpo_gateway.server
from veriaidpo_gateway.redis.nodes import nodes_of
from veriaidpo_gateway.redis.url import parse
nodes_of(parse(sys.argv[1]), None)
print("redis" in sys.modules)
"""


@pytest.mark.parametrize(
    ("url", "loaded"),
    [("redis://r", "False"), ("redis+sentinel://a/main", "True"), ("redis+cluster://127.0.0.1", "True")],
)
def test_redis_py_is_loaded_only_for_who_needs_it(url: str, loaded: str) -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED, url], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == loaded
