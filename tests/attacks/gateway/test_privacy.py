"""P: personal data in what a run leaves behind: logs, metrics, keys and values of Redis, records, disk."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis

from ...integration.gateway_process import Gateway, predictor_beside, running
from ...integration.redis_process import RedisProcess
from ..conftest import Attack
from .conftest import JSON, claims, token

MANY = 50


@dataclass(frozen=True)
class Planted:
    """A sentence, and the words in it that belong to a person or a company."""

    text: str
    words: tuple[str, ...]


def planted() -> list[Planted]:
    """Write sentences with identity numbers, phones, addresses and names that nothing else holds."""
    chance = random.Random(1)
    found = []
    for number in range(MANY):
        identity = f"079{chance.randrange(10**8, 10**9)}"
        phone = f"09{chance.randrange(10**7, 10**8)}"
        mail = f"khach.hang.{chance.randrange(10**6)}@vidu{number}.vn"
        name, company = f"Nguyễn Văn Thử{number}", f"Công ty TNHH Bí Mật {chance.randrange(10**6)}"
        text = f"{company} thu thập CCCD {identity}, số {phone} và {mail} của {name}"
        found.append(Planted(text, (identity, phone, mail, name, company)))
    return found


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[tuple[Gateway, RedisProcess]]:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with ExitStack() as stack:
        redis = RedisProcess(tmp_path)
        redis.start()
        stack.callback(redis.kill)
        settings = {
            "JWT_ISSUER": claims()["iss"],
            "JWT_AUDIENCE": claims()["aud"],
            "REDIS_URL": redis.url,
            "CACHE_KEY": "k" * 32,
            "RECORDS": "true",
            "RECORDS_SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
            "RECORDS_SPOOL_DIR": str(tmp_path / "spool"),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'records.db'}",
            "LOG_LEVEL": "DEBUG",
        }
        predictor = stack.enter_context(predictor_beside())
        yield stack.enter_context(running(tmp_path, predictor, settings)), redis


def send(client: httpx.Client, text: str) -> str:
    """Send a text every way there is, good and bad; all that was answered."""
    lines = "".join(json.dumps({"text": one}) + "\n" for one in (text, "explode " + text, ""))
    typed = {"text": text, "model_type": text[:60]}
    answers = [
        client.post("/classify", json={"text": text}),
        client.post("/classify", json={"text": text}),
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
    return "".join(answer.text for answer in answers)


def left_behind(folder: Path, gateway: Gateway, redis: RedisProcess) -> dict[str, str]:
    """Gather what the run left: by where it is, as text."""
    metrics = httpx.get(f"http://127.0.0.1:{gateway.inner}/metrics", trust_env=False).text
    gateway.process.kill()  # it crashes: nothing is tidied up
    gateway.process.wait()
    with Redis.from_url(redis.url) as client:
        kept = {key: client.dump(key) or b"" for key in client.scan_iter()}
        # A dump may be compressed, so values are read as they are as well.
        values = [client.get(key) or b"" for key in kept if client.type(key) == b"string"]
    redis_text = b"\n".join([*kept, *kept.values(), *values]).decode("utf-8", "replace")
    files = {
        path.relative_to(folder).parts[0]: path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {**files, "metrics": metrics, "redis": redis_text}


def test_p1a_personal_data_in_what_a_run_leaves(
    attack: Attack, recording: tuple[Gateway, RedisProcess], tmp_path: Path
) -> None:
    gateway, redis = recording
    sentences = planted()
    with attack(
        "P1a", "planted identity numbers, phones, mails and names, sent every way, in what a run left"
    ) as row:
        headers = {"Authorization": f"Bearer {token()}"}
        with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=40) as client:
            answers = "".join(send(client, one.text) for one in sentences)
        left = left_behind(tmp_path, gateway, redis)
        assert len(left["gateway.log"].splitlines()) > 10 * MANY
        assert "principles-vi" in left["records.db"]
        words = [word for one in sentences for word in one.words]
        hits = {(place, word) for place, text in left.items() for word in words if word in text}
        row.tried = len(words) * len(left)
        row.got_through = len(hits)
        row.figure = f"{len(left)} places: {', '.join(sorted(left))}"
        row.control = (
            f"the answers themselves hold {sum(word in answers for word in words)} of {len(words)} words"
        )
