"""Who is refused is told so as the real hub tells it, and the client raises the exception known for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess, HubStarter


TOKEN = "hf_opensesame"


@pytest.fixture
def private(start: HubStarter, models: Path, tmp_path: Path) -> HubProcess:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return start("--root", f"acme={models}", "--token", str(tmp_path / "token"))


def test_with_its_token_a_private_repository_is_downloaded(private: HubProcess, client: Client) -> None:
    folder = client(private, "snapshot_download", repo_id="acme/small", token=TOKEN)
    assert (Path(folder) / "onnx/model.onnx").stat().st_size == 1 << 20
    assert client(private, "model_info", repo_id="acme/small", token=TOKEN)["private"] is True


@pytest.mark.parametrize("call", ["snapshot_download", "model_info", "list_repo_files"])
def test_without_a_token_it_does_not_exist(private: HubProcess, client: Client, call: str) -> None:
    error = client.error(private, call, repo_id="acme/small")
    assert (error["error"], error["status"]) == ("RepositoryNotFoundError", 401)


def test_without_a_token_nobody_learns_what_exists(private: HubProcess) -> None:
    answers = [private.get(f"/api/models/acme/{name}") for name in ("small", "absent")]
    for answer in answers:
        assert (answer.status, answer.headers["x-error-code"]) == (401, "RepoNotFound")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answers[0].body == answers[1].body


def test_a_wrong_token_is_told_apart_from_none(private: HubProcess, client: Client) -> None:
    error = client.error(private, "model_info", repo_id="acme/small", token="hf_wrong")
    assert (error["error"], error["status"]) == ("HfHubHTTPError", 401)
    assert "Invalid credentials in Authorization header" in error["message"]
    error = client.error(private, "snapshot_download", repo_id="acme/small", token="hf_wrong")
    assert error["status"] == 401


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xff"],
)
def test_only_the_very_token_opens(private: HubProcess, given: str) -> None:
    assert private.get("/acme/small/resolve/main/config.json", Authorization=given).status == 401
    assert private.counter("hub_bytes_sent_total") == 0


def test_the_token_may_come_from_the_environment(start: HubStarter, models: Path) -> None:
    hub = start("--root", f"acme={models}", "--token", "env", HUB_TOKEN=TOKEN)
    assert hub.get("/api/models/acme/small").status == 401
    assert hub.get("/api/models/acme/small", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_gated_repository_lists_its_files_and_keeps_them(
    start: HubStarter, models: Path, client: Client, tmp_path: Path
) -> None:
    options = ("--root", f"acme={models}", "--gated", "acme/small")
    hub = start(*options, "--token", "env", HUB_TOKEN=TOKEN)
    assert client(hub, "model_info", repo_id="acme/small")["gated"] == "manual"
    error = client.error(hub, "hf_hub_download", repo_id="acme/small", filename="config.json")
    assert (error["error"], error["status"]) == ("GatedRepoError", 401)
    file = client(hub, "hf_hub_download", repo_id="acme/small", filename="config.json", token=TOKEN)
    assert Path(file).is_file()


def test_a_token_without_the_grant_is_403(start: HubStarter, models: Path, client: Client) -> None:
    hub = start("--root", f"acme={models}", "--gated", "acme/small")
    error = client.error(hub, "hf_hub_download", repo_id="acme/small", filename="config.json", token=TOKEN)
    assert (error["error"], error["status"]) == ("GatedRepoError", 403)


@pytest.mark.parametrize("repository", ["acme/absent", "nobody/small"])
def test_an_unknown_repository_is_404(hub: HubProcess, client: Client, repository: str) -> None:
    for call in ("snapshot_download", "model_info"):
        error = client.error(hub, call, repo_id=repository)
        assert (error["error"], error["status"]) == ("RepositoryNotFoundError", 404)


def test_an_unknown_file_is_404(hub: HubProcess, client: Client) -> None:
    error = client.error(hub, "hf_hub_download", repo_id="acme/small", filename="absent.json")
    assert (error["error"], error["status"]) == ("RemoteEntryNotFoundError", 404)
    answer = hub.get("/api/models/acme/small/tree/main/absent")
    assert (answer.status, answer.headers["x-error-code"]) == (404, "EntryNotFound")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(hub: HubProcess, method: str) -> None:
    answer = hub.get("/api/models/acme/small", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
