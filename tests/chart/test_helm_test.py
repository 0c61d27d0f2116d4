"""What `helm test` does: one call without a token, one with each there is, by the gateway's own image."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import CHART, kinds, render

CHECK = CHART / "files/check.py"
PUBLISHED = ("gateway.jwt.algorithms={ES256}", "gateway.jwt.jwksUrl=https://idp/keys")


def pod(*settings: str) -> dict[str, Any]:
    (found,) = kinds(render(*settings), "Pod")
    assert found["metadata"]["annotations"]["helm.sh/hook"] == "test"
    return found["spec"]


@pytest.fixture
def gateway() -> Iterator[tuple[str, dict[str, int]]]:
    """A gateway that answers as it is told: without and with a token."""
    answers = {"without": 401, "with": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization") == "Bearer a.good.token"
            self.send_response(answers["with" if given else "without"])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


def check(
    address: str, folder: Path, secret: str | None = "secret", yours: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = folder / "veriaidpo-gateway"
    command.write_text('#!/bin/sh\necho "$@" > "$0.asked"\necho a.good.token\n')
    command.chmod(0o755)
    env = {"GATEWAY": address, "PATH": f"{folder}:{os.environ['PATH']}"}
    if secret is not None:
        (folder / "secret").write_text(secret)
        env["JWT_SECRET_KEY_FILE"] = str(folder / "secret")
    if yours is not None:
        (folder / "token").write_text(yours)
        env["TOKEN_FILE"] = str(folder / "token")
    return subprocess.run(
        [sys.executable, "-c", CHECK.read_text()],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_both_answers_as_they_have_to_be(gateway: tuple[str, dict[str, int]], tmp_path: Path) -> None:
    done = check(gateway[0], tmp_path)
    assert (done.returncode, done.stdout) == (0, "without a token: 401\nwith a token: 200\n")


@pytest.mark.parametrize(
    ("which", "status"), [("without", 200), ("without", 404), ("with", 401), ("with", 503)]
)
def test_another_answer_fails(
    gateway: tuple[str, dict[str, int]], tmp_path: Path, which: str, status: int
) -> None:
    gateway[1][which] = status
    done = check(gateway[0], tmp_path)
    assert done.returncode == 1
    assert f"{which} a token: {status}, and not" in done.stdout


def test_nothing_that_answers_fails(tmp_path: Path) -> None:
    assert check("127.0.0.1:1", tmp_path).returncode == 1


def test_of_several_secrets_the_last_one_signs(gateway: tuple[str, dict[str, int]], tmp_path: Path) -> None:
    assert check(gateway[0], tmp_path, '{"": "old", "2026-b": "new"}').returncode == 0
    assert "--kid 2026-b" in (tmp_path / "veriaidpo-gateway.asked").read_text()


def test_without_a_shared_secret_only_the_refusal_is_looked_at(
    gateway: tuple[str, dict[str, int]], tmp_path: Path
) -> None:
    said = check(gateway[0], tmp_path, None).stdout
    assert said.splitlines()[-1] == "without a token: 401"
    assert "with a token: not asked, there is none; helmTest.tokenSecret names one" in said
    assert [volume["name"] for volume in pod(*PUBLISHED)["volumes"]] == ["tmp"]


def test_a_token_of_an_identity_provider_is_asked_with(
    gateway: tuple[str, dict[str, int]], tmp_path: Path
) -> None:
    done = check(gateway[0], tmp_path, None, yours="a.good.token\n")
    assert (done.returncode, done.stdout) == (0, "without a token: 401\nwith yours: 200\n")
    both = check(gateway[0], tmp_path, yours="a.token.that.has.expired")
    assert both.returncode == 1
    assert "with a token: 200\nwith yours: 401, and not 200" in both.stdout


@pytest.mark.parametrize("yours", ["a.secret.token\nand.another", "một.mã"])
def test_what_is_not_one_token_is_not_sent_and_not_told(
    gateway: tuple[str, dict[str, int]], tmp_path: Path, yours: str
) -> None:
    done = check(gateway[0], tmp_path, None, yours=yours)
    assert done.returncode == 1
    assert "with yours: what is there is not one token" in done.stdout
    assert not any(word in done.stdout + done.stderr for word in ("secret", "another", "một"))


def test_that_token_is_a_secret_that_you_name() -> None:
    spec = pod(*PUBLISHED, "helmTest.tokenSecret=mine")
    (secret,) = (volume["secret"] for volume in spec["volumes"] if volume["name"] == "token")
    assert (secret["secretName"], secret["items"]) == ("mine", [{"key": "token", "path": "token"}])
    (container,) = spec["containers"]
    (file,) = (one["value"] for one in container["env"] if one["name"] == "TOKEN_FILE")
    (mount,) = (one for one in container["volumeMounts"] if one["name"] == "token")
    assert file == mount["mountPath"] + "/token"


def test_it_asks_the_service_and_sees_no_more_than_the_secret_of_tokens() -> None:
    spec = pod()
    (container,) = spec["containers"]
    assert {"name": "GATEWAY", "value": "veriaidpo-gateway.aidpo.svc:8001"} in container["env"]
    (keys,) = (volume["secret"] for volume in spec["volumes"] if volume["name"] == "keys")
    assert [item["key"] for item in keys["items"]] == ["jwt-secret-key"]
    assert container["command"][-1] == CHECK.read_text()


def test_it_meets_pod_security_restricted() -> None:
    spec = pod()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
