"""P: personal data in what a run leaves behind: logs, metrics, traces, Redis, records, exports, the disk."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis

from ...integration.gateway_process import Gateway, predictor_beside, running
from ...integration.otlp_receiver import Receiver, receiving
from ...integration.postgres_process import PROGRAMS, PostgresProcess
from ...integration.redis_process import RedisProcess
from ..conftest import Attack
from ..planted import MARK, Planted, files_in, places_of, planted
from .conftest import JSON, claims, token

MANY = 50


@dataclass(frozen=True)
class Run:
    """A gateway that records, keeps a cache and tells traces; all it writes to the disk is in one folder."""

    gateway: Gateway
    redis: RedisProcess
    traces: Receiver
    folder: Path
    settings: dict[str, str]


@contextmanager
def recording(folder: Path, database_url: str) -> Iterator[Run]:
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with ExitStack() as stack:
        redis = RedisProcess(folder)
        redis.start()
        stack.callback(redis.kill)
        traces = stack.enter_context(receiving())
        settings = {
            "JWT_ISSUER": claims()["iss"],
            "JWT_AUDIENCE": claims()["aud"],
            "REDIS_URL": redis.url,
            "CACHE_KEY": "k" * 32,
            "RECORDS": "true",
            "RECORDS_SIGNING_KEY_FILE": str(folder / "key.pem"),
            "RECORDS_SPOOL_DIR": str(folder / "spool"),
            "DATABASE_URL": database_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
            "LOG_LEVEL": "DEBUG",
        }
        predictor = stack.enter_context(predictor_beside())
        # It is never sure enough: every answer is in the queue of reviews.
        gateway = stack.enter_context(running(folder, predictor, settings, threshold=0.9))
        yield Run(gateway, redis, traces, folder, settings)


def send(client: httpx.Client, text: str) -> tuple[str, str]:
    """Send a text every way there is, good and bad; all that was answered, and what errors said."""
    lines = "".join(json.dumps({"text": one}) + "\n" for one in (text, "explode " + text, ""))
    typed = {"text": text, "model_type": text[:60]}
    answers = [
        client.post("/classify", json={"text": text}),
        client.post("/classify", json={"text": text}),
        client.post("/classify", json={"text": text}, params={"explain": "true"}),
        client.post("/classify", json={"text": "explode " + text}),
        client.post("/classify", json=typed),
        client.post("/classify", json={"text": text * 100}),
        client.post("/classify", json={"text": text, text: 1}),
        client.post("/classify", content=text.encode(), headers=JSON),
        client.post("/classify", json={"text": text}, headers={"Authorization": f"Bearer {text!a}"}),
        client.post("/classify-all", json={"text": text}),
        client.post("/batch-classify", json={"texts": [text, "explode " + text]}),
        client.post(
            "/batch-classify", content=lines.encode(), headers={"Content-Type": "application/x-ndjson"}
        ),
        client.post("/normalize", json={"text": text, "normalize_persons": True}),
        client.get("/companies", params={"q": text[:100]}),
        client.get("/records", params={"subject": text[:100]}),
        client.get(f"/{text}"),
    ]
    errors = (answer.text for answer in answers if answer.status_code >= 400)
    return "".join(answer.text for answer in answers), "".join(errors)


def told_of_records(client: httpx.Client) -> dict[str, str]:
    """Read the records in every way that a caller has."""
    lines = client.get("/records", headers={"Accept": "application/x-ndjson"}).text
    assert json.loads(lines.splitlines()[-1])["complete"] is True
    return {
        "records, as lines": lines,
        "records": client.get("/records", params={"limit": 200}).text,
        "the queue of reviews": client.get("/records", params={"limit": 200, "needs_review": "true"}).text,
    }


def exported(run: Run) -> str:
    """Export all records, as an officer does."""
    command = [sys.executable, "-m", "veriaidpo_gateway", "records", "export"]
    environment = os.environ | run.settings
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def dumped(database_url: str) -> str:
    """Dump a PostgreSQL."""
    command = [str(PROGRAMS / "pg_dump"), "--inserts", database_url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def left_behind(run: Run) -> dict[str, str]:
    """Gather what the run left: by where it is, as text."""
    metrics = httpx.get(f"http://127.0.0.1:{run.gateway.inner}/metrics", trust_env=False).text
    run.traces.until(lambda spans: len(spans) > MANY)
    run.gateway.process.kill()  # it crashes: nothing is tidied up
    run.gateway.process.wait()
    with Redis.from_url(run.redis.url) as client:
        kept = {key: client.dump(key) or b"" for key in client.scan_iter()}
        # A dump may be compressed, so values are read as they are as well.
        values = [client.get(key) or b"" for key in kept if client.type(key) == b"string"]
    assert kept
    redis_text = b"\n".join([*kept, *kept.values(), *values]).decode("utf-8", "replace")
    traces = run.traces.raw.decode("utf-8", "replace")
    return {**files_in(run.folder), "metrics": metrics, "redis": redis_text, "traces": traces}


def asked(run: Run, sentences: list[Planted], bearer: str) -> tuple[str, dict[str, str]]:
    """Send all sentences; what was answered, and what callers are told by errors and of the records."""
    headers = {"Authorization": f"Bearer {bearer}", "X-Request-Id": MARK}
    with httpx.Client(base_url=run.gateway.url, headers=headers, trust_env=False, timeout=40) as client:
        answers, errors = zip(*(send(client, one.text) for one in sentences), strict=True)
        return "".join(answers), {**told_of_records(client), "errors": "".join(errors)}


@pytest.mark.parametrize(
    ("row_id", "database", "keeps_the_mark"),
    [("P1a", "sqlite", {"records.db"}), ("P1b", "postgresql", {"a dump of PostgreSQL"})],
)
def test_p1_personal_data_in_what_a_run_leaves(
    attack: Attack, tmp_path: Path, row_id: str, database: str, keeps_the_mark: set[str]
) -> None:
    sentences, bearer = planted(MANY), token()
    folder = tmp_path / "run"
    folder.mkdir()
    with (
        attack(
            row_id,
            f"planted identity numbers, phones, mails and names, and a token, in a run with {database}",
        ) as row,
        ExitStack() as stack,
    ):
        url = f"sqlite:///{folder / 'records.db'}"
        if database == "postgresql":
            # Not under pytest's own folder: nobody else may look into that.
            server = PostgresProcess(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(server.stop)
            url = server.create("records")
        run = stack.enter_context(recording(folder, url))
        answers, left = asked(run, sentences, bearer)
        left |= left_behind(run)
        left["an export"] = exported(run)
        if database == "postgresql":
            left["a dump of PostgreSQL"] = dumped(url)
        assert len(left["gateway.log"].splitlines()) > 10 * MANY
        assert len(left["records, as lines"].splitlines()) > 3 * MANY
        words = [*(word for one in sentences for word in one.words), bearer, bearer.rpartition(".")[2]]
        row.tried = len(words) * len(left)
        row.got_through = len(places_of(words, left))
        marked = {place for place, _ in places_of([MARK], left)}
        assert marked >= {"gateway.log", "traces", "an export", "the queue of reviews", *keeps_the_mark}
        row.figure = f"{len(left)} places: {', '.join(sorted(left))}"
        row.control = (
            f"the answers hold {len(places_of(words, {'': answers}))} of {len(words)}; "
            f"a request's name is found in {len(marked)} of the places"
        )
