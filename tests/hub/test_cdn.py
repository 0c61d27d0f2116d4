"""With --cdn large files are behind a redirect to another host, signed, as they are on the real hub."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess, HubStarter


TOKEN = "hf_opensesame"


@pytest.fixture
def redirecting(start: HubStarter, models: Path, free_port: int) -> HubProcess:
    # For a client `localhost` is another host than `127.0.0.1`: it has to leave its token behind.
    options = ("--root", f"acme={models}", "--token", "env", "--cdn", f"http://localhost:{free_port}")
    return start(*options, port=free_port, HUB_TOKEN=TOKEN)


def location(hub: HubProcess) -> str:
    answer = hub.get("/acme/small/resolve/main/onnx/model.onnx", "HEAD", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 302
    return answer.headers["location"]


def test_the_redirect_tells_size_digest_and_commit(redirecting: HubProcess, model: dict[str, bytes]) -> None:
    token = {"Authorization": f"Bearer {TOKEN}"}
    answer = redirecting.get("/acme/small/resolve/main/onnx/model.onnx", "HEAD", **token)
    digest = hashlib.sha256(model["onnx/model.onnx"]).hexdigest()
    assert answer.headers["x-linked-etag"] == f'"{digest}"'
    assert answer.headers["x-linked-size"] == str(1 << 20)
    commit = redirecting.get("/api/models/acme/small", **token).json()["sha"]
    assert answer.headers["x-repo-commit"] == commit
    assert commit in answer.headers["location"], "whatever becomes of the branch in between"
    assert redirecting.get("/acme/small/resolve/main/config.json", **token).status == 200


def test_the_real_client_follows_and_leaves_its_token_behind(
    redirecting: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    folder = client(redirecting, "snapshot_download", repo_id="acme/small", token=TOKEN)
    assert (Path(folder) / "onnx/model.onnx").read_bytes() == model["onnx/model.onnx"]
    assert redirecting.counter("hub_requests_total", route="cdn", code="200") == 1


def test_a_token_that_comes_along_is_400(redirecting: HubProcess) -> None:
    target = location(redirecting)
    assert redirecting.get(target, Authorization=f"Bearer {TOKEN}").status == 400
    assert redirecting.get(target, Range="bytes=0-9").status == 206


def test_only_the_signed_address_works(redirecting: HubProcess) -> None:
    target = location(redirecting)
    bare = target.partition("?")[0]
    for wrong in (bare, f"{bare}?signature=", f"{target}0", target.replace("onnx/model.onnx", "config.json")):
        assert redirecting.get(wrong).status == 403
