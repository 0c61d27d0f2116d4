"""H4, H6, H8: headers that say who somebody is, what is meant, or what a log shall hold."""

import json

import httpx

from ..conftest import Attack
from .conftest import Target
from .entrances import Entrance

CLAIMED = (
    "X-User-Role",
    "X_User_Role",
    "x-user-role",
    "X-Role",
    "X-Tenant-ID",
    "X_Tenant_ID",
    "X-Tenant",
    "X-User-Id",
    "X-User",
    "X-Permissions",
    "X-Forwarded-User",
    "X-Forwarded-Groups",
    "X-Forwarded-Email",
    "X-Real-IP",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Uri",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Remote-User",
)


def test_h4a_headers_that_say_who_somebody_is(attack: Attack, entrance: Entrance, lenient: int) -> None:
    with attack(
        entrance.row("H4a"), "headers that say that a viewer is an admin, or of another tenant"
    ) as row:
        for name in CLAIMED:
            for value in ("admin", "t2", "/health", "user.write", "127.0.0.1"):
                viewer = entrance.client.get(
                    "/model-status", headers={**entrance.bearer(role="viewer"), name: value}
                )
                nobody = entrance.client.get("/model-status", headers={name: value})
                row.tried += 2
                row.got_through += (viewer.status_code != 403) + (nobody.status_code != 401)
        said = httpx.get(
            f"http://127.0.0.1:{lenient}/", headers={"X-User-Role": "admin"}, trust_env=False
        ).json()
        assert said["role"] == "admin"
        row.control = "a server that reads them believes X-User-Role"


def test_h4b_another_method_than_the_one_sent(attack: Attack, entrance: Entrance, lenient: int) -> None:
    names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override")
    with attack(entrance.row("H4b"), "headers and fields that name another method") as row:
        for name in names:
            for method in ("POST", "DELETE", "PUT"):
                answer = entrance.client.get("/classify", headers={**entrance.bearer(), name: method})
                row.tried += 1
                row.got_through += answer.status_code != 405
        answer = entrance.client.get("/classify", params={"_method": "POST"}, headers=entrance.bearer())
        row.tried += 1
        row.got_through += answer.status_code != 405
        said = httpx.get(f"http://127.0.0.1:{lenient}/", headers={names[0]: "DELETE"}, trust_env=False).json()
        assert said["method"] == "DELETE"
        row.control = "a server that reads them does as X-HTTP-Method-Override says"


def test_h6a_request_ids_that_write_into_a_log(attack: Attack, target: Target, lenient: int) -> None:
    ids = (
        b"a" * 10_000,
        b"\x1b[31mred-alert",
        b'","level":"INFO","x":"',
        b"abc def ghi",
        b"<script>alert(1)</script>",
        b"${jndi:ldap://x/a}",
        b"../../etc/passwd",
        b"aaaaaaaa%0d%0aInjected: 1",
        b"\xc3\xa4\xc3\xb6\xc3\xbc-umlauts",
        b"short",
    )
    with attack("H6a", "request ids that are lines, colours, or fields of a log") as row:
        for identity in ids:
            answer = target.client.get("/health", headers=[(b"X-Request-Id", identity)])
            row.tried += 1
            row.got_through += answer.headers.get("X-Request-Id", "").encode() == identity
        lines = [json.loads(line) for line in target.gateway.log.read_text().splitlines()[-len(ids) :]]
        row.got_through += sum(len(line.get("request_id", "")) > 64 for line in lines)
        said = httpx.get(
            f"http://127.0.0.1:{lenient}/", headers={"X-Request-Id": ids[4].decode()}, trust_env=False
        )
        assert said.headers["X-Request-Id"] == ids[4].decode()
        row.control = "a server that passes them on sends the script back"


def test_h8a_other_origins_and_other_methods(attack: Attack, entrance: Entrance, lenient: int) -> None:
    with attack(entrance.row("H8a"), "other origins' pages, and methods that there are not") as row:
        for path in ("/classify", "/health", "/companies", "/model-status", "/openapi.json"):
            for method in ("OPTIONS", "TRACE", "PATCH", "PROPFIND", "LOCK"):
                headers = {
                    "Origin": "https://evil.example",
                    "Access-Control-Request-Method": "POST",
                    **entrance.bearer(),
                }
                answer = entrance.client.request(method, path, headers=headers)
                row.tried += 1
                row.got_through += answer.status_code not in (400, 405)
                row.got_through += any(name.startswith("access-control-") for name in answer.headers)
                row.got_through += "evil.example" in answer.text
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Cookie": "a=b"}
        said = httpx.options(f"http://127.0.0.1:{lenient}/classify", headers=asked, trust_env=False)
        assert said.headers["Access-Control-Allow-Origin"] == "https://evil.example"
        row.control = "a server that is open to all origins lets a page of https://evil.example send POST"
