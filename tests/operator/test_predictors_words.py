"""A predictor that is not ready says why, and the Model's conditions repeat it with a reason of their own."""

import ast
import json
import socket
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from veriaidpo_operator.cluster import readiness
from veriaidpo_operator.objects import words
from veriaidpo_operator.objects.words import Heard
from veriaidpo_operator.reasons import EXIT_CODES, Reason

from .world import DAMAGE, DIGEST, GOLDEN, World

PREDICTOR = Path(__file__).parents[2] / "predictors/veriaidpo_predictor"


def first_rollout(fault: str, rounds: int = 8) -> World:
    """Return a world whose first revision fares badly: there is nothing to go back to."""
    world = World()
    world.bad = {DIGEST: fault}
    for _ in range(rounds):
        world.reconcile()
        world.kubernetes()
        world.now += timedelta(seconds=1)
    return world


def test_a_golden_sentence_that_fails_is_the_reason_within_seconds() -> None:
    world = first_rollout("golden")
    for kind in ("Ready", "WarmedUp", "Servable"):
        assert world.condition(kind) == ("False", "GoldenSentenceFailed")
    assert world.condition("Degraded") == ("True", "GoldenSentenceFailed")
    assert GOLDEN in world.message()
    assert "spec.serving.goldenSentences" in world.message()
    assert world.status.quarantined == ()  # a bad one that may still come up is better than none


def test_a_predictor_that_ends_is_quoted_by_its_sentence_and_not_as_json() -> None:
    world = first_rollout("crash")
    assert world.condition("Ready") == ("False", "Crashing")
    assert "again and again: No. See" in world.message()


def test_a_first_revision_that_is_late_says_so_after_its_own_deadline() -> None:
    world = first_rollout("mute")
    assert world.condition("Ready") == ("False", "RollingOut")
    world.now += timedelta(seconds=301)
    world.reconcile()
    assert world.condition("Ready") == ("False", "RolloutStalled")
    assert world.status.quarantined == ()
    world.bad = {}
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_while_a_rollout_goes_on_it_is_looked_at_often_because_no_event_tells_of_a_wrong_answer() -> None:
    world = first_rollout("mute")
    assert world.decide().again == 5
    world.bad = {}
    world.settle()
    assert world.decide().again == world.settings.resync_seconds


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (GOLDEN, Reason.GOLDEN_SENTENCE_FAILED),
        ("Golden sentence 12 got COMPANY at 0-3, not nothing.", Reason.GOLDEN_SENTENCE_FAILED),
        (DAMAGE, Reason.REVISION_DAMAGED),
        ("config.json of revision abababababab is missing.", Reason.REVISION_DAMAGED),
        ("/mnt/models/x is not a published revision: it has no manifest.json.", Reason.REVISION_DAMAGED),
        ("/mnt/models/x/manifest.json does not carry the digest of its own files.", Reason.REVISION_DAMAGED),
        ("config.json is missing or is not a JSON object.", None),
        ("The model is loading.", None),
        ("", None),
    ],
)
def test_the_reason_in_what_a_predictor_says(said: str, reason: Reason | None) -> None:
    assert words.cause(said) is reason


@pytest.mark.parametrize("sentence", [words.GOLDEN, words.ENDED, *words.DAMAGED])
def test_the_predictor_still_says_it_so(sentence: str) -> None:
    """The two rooms do not import each other: what one writes, the other looks for, letter by letter."""
    source = "".join(path.read_text() for path in PREDICTOR.rglob("*.py"))
    fixed = [part.partition("{")[0] for part in sentence.split("}")]
    assert all(part in source for part in fixed)


def test_a_fetch_still_ends_with_these_codes_and_words() -> None:
    """The two tables are kept apart, as the rooms are; the predictor's is read as text."""
    tree = ast.parse((PREDICTOR / "outcome.py").read_text())
    (reason,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Reason")
    words = dict(ast.literal_eval(one.value) for one in reason.body if isinstance(one, ast.Assign))
    assert len(words) > 10
    assert words.pop("Internal") == 1  # as for whatever is not known
    assert {code: word for word, code in words.items()} == EXIT_CODES


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ('{"reason": "NotServed", "message": "No key."}', "No key."),
        ("Traceback\nValueError: x", "ValueError: x"),
        ('"x"', '"x"'),
        ("", ""),
    ],
)
def test_last_words(left: str, said: str) -> None:
    assert words.last(left) == said


# Asking


def answering(status: int, body: bytes) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/v2/models/m/ready" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("status", "body", "heard"),
    [
        (503, json.dumps({"error": GOLDEN}).encode(), Heard(GOLDEN)),
        (200, b'{"name": "m", "ready": true}', Heard(ready=True)),
        (503, b"<html>", Heard()),
        (503, b'{"error": 5}', Heard()),
        (503, b"[1]", Heard()),
    ],
)
def test_a_pod_is_asked_why_it_is_not_ready(status: int, body: bytes, heard: Heard) -> None:
    server = answering(status, body)
    assert readiness.ask("127.0.0.1", server.server_port, "/v2/models/m/ready") == heard
    server.shutdown()
    server.server_close()


def test_a_pod_that_does_not_answer_says_nothing() -> None:
    assert readiness.ask("127.0.0.1", 1, "/", seconds=0.2) == Heard()


def test_where_nobody_is_there_to_be_asked_is_known_from_a_port_that_is_closed() -> None:
    """A socket that takes no connection any more is as silent as the address of a node that is off."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))):
            assert readiness.ask("127.0.0.1", port, "/", seconds=0.2) == Heard(reached=False)
