"""K7b: a Model names any Secret of its namespace, and its author's server as the source that is shown it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from veriaidpo_predictor.fetching import connection

from ..conftest import Attack
from .conftest import Fetch

CHART = Path(__file__).parents[3] / "charts/veriaidpo"
SECRET = "the-key-that-tokens-are-signed-with"
PUBLIC = "93.184.215.14"

SERVERS = (
    "evil.example", "huggingface.co.evil.example", "evilhuggingface.co", "evil-hf.co", "hf.co",
    "huggingface.com", "evil.hf.space", "evil.endpoints.huggingface.cloud", "evil.github.io",
    "evil.workers.dev",
    "evil.execute-api.us-east-1.amazonaws.com", "evil.lambda-url.us-east-1.on.aws", "evil.s3.amazonaws.com",
    "ec2-93-184-215-14.compute-1.amazonaws.com", "evil.elb.amazonaws.com", "storage.googleapis.com",
    "evil.storage.googleapis.com", "evil.cloudfunctions.net", "evil.blob.core.windows.net",
)  # fmt: skip
"""Hosts that somebody else can have a server at, or a name that looks like the hub's."""

OLDER = "*.amazonaws.com"
"""What the control allows besides: every name of a cloud, which looks like a list of stores."""


@dataclass
class Internet:
    """Every host there is: it notes who is shown the secret, and the hub may send a fetch elsewhere."""

    told: set[str] = field(default_factory=set)
    elsewhere: str = ""

    def answer(self, request: httpx.Request) -> httpx.Response:
        host = request.headers["host"].partition(":")[0]
        if SECRET in f"{request.url}{request.headers.raw!r}":
            self.told.add(host)
        if self.elsewhere and host == "huggingface.co":
            return httpx.Response(302, headers={"location": f"https://{self.elsewhere}/"}, request=request)
        return httpx.Response(404, request=request)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    found = Internet()
    monkeypatch.setattr(connection, "addresses_of", lambda *_: [PUBLIC])
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", found.answer)
    return found


def sources(host: str) -> list[dict[str, Any]]:
    """Give the sources by which a Model has a server asked, a Secret in hand."""
    pins = [{"path": "config.json", "sha256": "0" * 64}]
    return [
        {"uri": f"https://{host}/folder/", "files": pins},
        {"uri": f"https://{host}/SHA256SUMS"},
        {"uri": "s3://bucket/prefix", "endpoint": f"https://{host}"},
    ]


@pytest.fixture
def send(fetch: Fetch, internet: Internet, tmp_path: Path) -> Callable[[dict[str, Any], str], set[str]]:
    """Run a fetch with the Secret it names, and say whom it was shown."""
    for name in ("token", "secret-access-key"):
        (tmp_path / name).write_text(SECRET)
    (tmp_path / "access-key-id").write_text("reader")  # which is in the clear in what S3 is sent

    def run(source: dict[str, Any], hosts: str) -> set[str]:
        internet.told.clear()
        fetch(
            source=source,
            SOURCE_HOSTS=hosts,
            SOURCE_SECRET_DIR=str(tmp_path),
            HUGGINGFACE_TOKEN_FILE=str(tmp_path / "token"),
        )
        return set(internet.told)

    return run


def test_a_secret_is_shown_to_nobodys_own_server(
    attack: Attack, internet: Internet, send: Callable[[dict[str, Any], str], set[str]]
) -> None:
    hosts = ",".join(yaml.safe_load((CHART / "values.yaml").read_text())["sources"]["hosts"])
    with attack("K7b", "Models that have a Secret of the namespace sent to their author's server") as row:
        for host in SERVERS:
            for source in sources(host):
                row.tried += 1
                row.got_through += bool(send(source, hosts))
            internet.elsewhere = host
            row.tried += 1
            shown = send({"uri": "hf://owner/model"}, hosts)
            row.got_through += shown != {"huggingface.co"}  # which the token of a hub is for
            internet.elsewhere = ""
        row.figure = f"{len(SERVERS)} hosts, as source, as store, and where the hub sends a fetch on to"
        shown = {host for name in SERVERS for one in sources(name) for host in send(one, f"{hosts},{OLDER}")}
        row.control = f"with {OLDER} allowed too, {len(shown)} of the hosts are shown it"
        assert shown
