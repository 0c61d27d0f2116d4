"""K8: somebody with a gateway's password for the chart's Redis, who wants more of it than a gateway does."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from ...documents import REPO
from ...integration.redis_process import RedisProcess, running, tell
from ..conftest import Attack

OTHERS = "another-application:key"

LINES = f"""
KEYS * | SCAN 0 | RANDOMKEY | DBSIZE | FLUSHALL | FLUSHDB | SWAPDB 0 2 | CONFIG GET * | CONFIG SET maxmemory 1
CONFIG SET dir /etc | CONFIG REWRITE | CONFIG RESETSTAT | ACL LIST | ACL WHOAMI | ACL GENPASS
ACL SETUSER evil on nopass ~* +@all | ACL SETUSER default ~* +@all | SAVE | BGSAVE | BGREWRITEAOF | LASTSAVE
DEBUG SLEEP 0 | MODULE LIST | MODULE LOAD /tmp/evil.so | INFO | CLIENT LIST | CLIENT KILL TYPE pubsub
CLIENT PAUSE 1 | SLOWLOG GET | MEMORY STATS | LATENCY RESET | COMMAND COUNT | FUNCTION LIST | SCRIPT FLUSH
PUBLISH channel x | WAIT 0 1 | CLUSTER INFO | ROLE | MIGRATE 127.0.0.1 1 veriaidpo:x 0 10
GET {OTHERS} | SET {OTHERS} x | DEL {OTHERS} | EXPIRE {OTHERS} 9 | HSET {OTHERS}s f x | RPUSH {OTHERS}-list x
RENAME {OTHERS} veriaidpo:mine | COPY {OTHERS} veriaidpo:mine | DUMP {OTHERS} | OBJECT ENCODING {OTHERS}
UNLINK {OTHERS} | SORT veriaidpo:x BY nosort | SETRANGE veriaidpo:x 99 x | APPEND veriaidpo:x x
XADD veriaidpo:s * f x | MONITOR
"""
SCRIPTS = (
    "'KEYS', '*'", "'FLUSHALL'", "'CONFIG', 'GET', '*'", f"'GET', '{OTHERS}'", f"'SET', '{OTHERS}', 'x'",
    "'INFO'", "'ACL', 'LIST'", "'DBSIZE'", "'SCRIPT', 'FLUSH'", "'PUBLISH', 'channel', 'x'",
)  # fmt: skip
LAST = "REPLICAOF 127.0.0.1 1 | SLAVEOF NO ONE | FAILOVER | SHUTDOWN NOSAVE"
"""What makes another server of it."""


def commands() -> Iterator[list[str]]:
    """Give every command that is tried."""
    yield from (one.split() for line in LINES.split("\n") for one in line.split("|") if one.strip())
    yield from (["EVAL", f"return redis.call({script})", "0"] for script in SCRIPTS)
    yield from (one.split() for one in LAST.split("|"))


def rendered() -> dict[str, str]:
    """Give the Secret of the chart's Redis."""
    command = [str(REPO / "hack/helm"), "template", "veriaidpo", str(REPO / "charts/veriaidpo")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    (secret,) = (
        one["stringData"]
        for one in yaml.load_all(done.stdout, yaml.CSafeLoader)
        if one and one["kind"] == "Secret" and one["metadata"]["name"] == "veriaidpo-redis"
    )
    found: dict[str, str] = secret
    return found


@contextmanager
def redis_with(folder: Path, settings: str) -> Iterator[RedisProcess]:
    """Run a Redis with these settings."""
    server = RedisProcess(folder, file=settings)
    with running(server):
        yield server


@dataclass(frozen=True)
class Login:
    """Who says who they are; a password alone is that of `default`."""

    user: str | None = None
    password: str | None = None


def carried_out(server: RedisProcess, command: Sequence[str], login: Login) -> bool:
    """Whether Redis does it, for whoever logs in so; if that ends it, it was done."""
    client = Redis(
        port=server.port,
        db=2,
        username=login.user,
        password=login.password,
        socket_timeout=5,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
    )
    client.response_callbacks.clear()  # answers as they come
    with client:
        try:
            tell(client, *command)
        except ResponseError:
            return False
        except RedisConnectionError as error:
            return command[0] == "SHUTDOWN" and not isinstance(error, AuthenticationError)
    return True


def test_k8_a_gateways_password_is_good_for_what_a_gateway_does(attack: Attack, tmp_path: Path) -> None:
    secret = rendered()
    password, admin = secret["redis-password"], secret["admin-password"]
    with (
        attack("K8", "commands and keys of Redis that are none of a gateway's, with its password") as row,
        redis_with(tmp_path, secret["redis.conf"]) as server,
    ):
        assert carried_out(server, ("SET", OTHERS, "secret"), Login("admin", admin))
        assert carried_out(server, ("SET", "veriaidpo:x", "1"), Login(password=password))
        for command in commands():
            row.tried += 1
            row.got_through += carried_out(server, command, Login(password=password))
        logins = (
            Login(),
            Login(password=admin),
            Login("default", admin),
            Login("admin", password),
            Login("admin", " "),
            Login("evil", "x"),
        )
        for login in logins:
            row.tried += 1
            row.got_through += carried_out(server, ("GET", "veriaidpo:x"), login)
        row.figure = f"{row.tried - len(logins)} commands, {len(logins)} logins"
    with redis_with(tmp_path, 'requirepass word\nsave ""\n') as server:
        assert carried_out(server, ("SET", OTHERS, "secret"), Login(password="word"))
        done = sum(carried_out(server, command, Login(password="word")) for command in commands())
        row.control = f"where a password is all there is to a user, {done} of the commands are carried out"
