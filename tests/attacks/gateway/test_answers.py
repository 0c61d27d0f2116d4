"""H9: errors that repeat what was sent, or tell of the inside."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import BaseModel

from ..conftest import Attack
from .conftest import Target, bearer
from .entrances import Entrance

MARK = "zq7PLANTED7qz"


class Asked(BaseModel):
    text: str


async def repeated_by_fastapi(bodies: list[Any]) -> int:
    """Count the bodies whose words FastAPI's own 422 gives back."""
    app = FastAPI()

    @app.post("/classify")
    def classify(asked: Asked) -> None: ...

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return sum([MARK in (await client.post("/classify", json=body)).text for body in bodies])


def test_h9a_errors_that_repeat_what_was_sent(attack: Attack, entrance: Entrance) -> None:
    bodies: list[Any] = [
        {"text": MARK, MARK: 1},
        {"text": [MARK]},
        {"text": MARK, "model_type": MARK},
        {"text": MARK, "language": MARK},
        {"text": MARK * 400},
        {"text": MARK, "include_metadata": MARK},
        MARK,
        [MARK],
        {"text": MARK + "\u202e"},
        {"texts": [MARK], "items": [{"text": MARK}]},
        {"texts": MARK},
        {"jti": [MARK]},
        {"name": MARK + "\x00"},
    ]
    paths = (
        "/classify",
        "/classify-all",
        "/batch-classify",
        "/normalize",
        "/preload-model",
        "/revocations",
        "/companies",
    )
    with attack(
        entrance.row("H9a"), "a planted word in every field, name and address of a bad request"
    ) as row:
        for path in paths:
            for body in bodies:
                answer = entrance.client.post(path, json=body, headers=entrance.bearer())
                row.tried += 1
                row.got_through += answer.status_code >= 400 and MARK in answer.text
        for where in (f"/{MARK}", f"/classify/{MARK}", f"/companies/{MARK}", f"/health?{MARK}={MARK}"):
            answer = entrance.client.get(where, headers={**entrance.bearer(), "X-Nothing": MARK})
            row.tried += 1
            row.got_through += MARK in answer.text
        row.got_through += MARK in entrance.log()
        row.figure = "in no answer, and not in the log"
        repeated = asyncio.run(repeated_by_fastapi(bodies))
        assert repeated > 0
        row.control = f"the same framework's own errors repeat {repeated} of the {len(bodies)} bodies"


def test_h9b_errors_that_tell_of_the_inside(attack: Attack, entrance: Entrance, lenient: int) -> None:
    inside = (
        "Traceback",
        "veriaidpo_gateway",
        "/site-packages",
        "pydantic",
        "starlette",
        'File "',
        "sqlalchemy",
        "127.0.0.1:",
    )
    cut = 0
    with attack(entrance.row("H9b"), "errors that name classes, files, addresses or libraries") as row:
        for path in (
            "/classify",
            "/normalize",
            "/batch-classify",
            "/companies",
            "/companies.csv",
            "/revocations",
        ):
            for content in (b"", b"{", b"\xff", b"[]", b'{"text": 1}', b"a,b\n"):
                for kind in (
                    "application/json",
                    "text/csv",
                    "text/xml",
                    "application/x-ndjson",
                    "multipart/form-data",
                ):
                    sent: Any = {"content": content, "headers": {**entrance.bearer(), "Content-Type": kind}}
                    row.tried += 1
                    try:
                        answer = entrance.client.post(path, **sent)
                    except httpx.RemoteProtocolError:
                        assert entrance.suffix, "an answer was cut, and there is no proxy that could have"
                        cut += 1
                        continue
                    row.got_through += (
                        any(word in answer.text for word in inside) or answer.status_code >= 500
                    )
        row.figure = f"{cut} answers of a stream were cut by the proxy" if cut else ""
        shown = httpx.get(f"http://127.0.0.1:{lenient}/fails", trust_env=False).text
        told = [word for word in inside if word in shown]
        assert told
        row.control = f"a server that shows its errors tells {', '.join(told)}"


def test_h9c_what_a_predictor_says_in_an_error(attack: Attack, target: Target) -> None:
    with attack("H9c", "a predictor that fails and repeats another caller's text in its error") as row:
        for number in range(3):
            answer = target.classify(f"explode {MARK} {number}", **bearer())
            row.tried += 1
            row.got_through += answer.status_code != 503 or MARK in answer.text or "/mnt" in answer.text
        row.got_through += MARK in target.gateway.log.read_text()
        row.control = "the predictor of this test says its path and the text"
