"""How redis-py is to connect, where it is used: for Sentinels and clusters. Loaded only for those."""

import ssl
from typing import Any

from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from veriaidpo_gateway.redis.link import CONNECT_SECONDS
from veriaidpo_gateway.redis.url import Login

ANSWER_SECONDS = 1.0
"""What a server has for one answer. Who asked gives up long before; this ends what nobody waits for."""


def options(login: Login, *, tls: bool) -> dict[str, Any]:
    """Give the options that every connection has: one attempt, no word about ourselves, RESP2."""
    known = login.password is not None
    return {
        "username": login.user if known else None,
        "password": login.password,
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "ssl": tls,
    }


def trusting(trust: ssl.SSLContext) -> type[SSLConnection]:
    """Make the kind of connection that believes those `trust` names, and not the system's too."""

    class Trusting(SSLConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.ssl_context.context = trust

    return Trusting
