"""A folder NAME@BRANCH is a branch; a full commit id finds the branch that stands there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess


@pytest.fixture
def v2(models: Path) -> Path:
    folder = models / "small@v2"
    shutil.copytree(models / "small", folder)
    (folder / "config.json").write_bytes(b'{"version": 2}')
    return folder


def test_a_branch_is_downloaded_by_name_and_by_commit(hub: HubProcess, client: Client, v2: Path) -> None:
    branch = client(hub, "hf_hub_download", repo_id="acme/small", filename="config.json", revision="v2")
    commit = client(hub, "model_info", repo_id="acme/small", revision="v2")["sha"]
    same = client(hub, "hf_hub_download", repo_id="acme/small", filename="config.json", revision=commit)
    assert branch == same
    assert Path(branch).read_bytes() == b'{"version": 2}'
    assert commit != client(hub, "model_info", repo_id="acme/small")["sha"]


def test_commits_of_all_branches_are_there(hub: HubProcess, v2: Path) -> None:
    for branch in ("main", "v2"):
        commit = hub.get(f"/api/models/acme/small/revision/{branch}").json()["sha"]
        assert hub.get(f"/api/models/acme/small/revision/{commit}").json()["sha"] == commit


def test_a_branch_is_no_repository(hub: HubProcess, client: Client, v2: Path) -> None:
    assert hub.get("/api/models/acme/small@v2").status == 404


@pytest.mark.parametrize("revision", ["v9", "0" * 40, "refs%2Fpr%2F1", ""])
def test_an_unknown_revision_is_404(hub: HubProcess, client: Client, v2: Path, revision: str) -> None:
    for target in (
        f"/api/models/acme/small/revision/{revision}",
        f"/acme/small/resolve/{revision}/config.json",
    ):
        answer = hub.get(target)
        assert (answer.status, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_the_client_raises_its_exception(hub: HubProcess, client: Client) -> None:
    for call, more in (("snapshot_download", {}), ("model_info", {}), ("hf_hub_download", {"filename": "x"})):
        error = client.error(hub, call, repo_id="acme/small", revision="v9", **more)
        assert (error["error"], error["status"]) == ("RevisionNotFoundError", 404)


def test_a_repository_without_main_has_its_other_branches(hub: HubProcess, models: Path, v2: Path) -> None:
    shutil.rmtree(models / "small")
    assert hub.get("/api/models/acme/small").headers["x-error-code"] == "RevisionNotFound"
    assert hub.get("/api/models/acme/small/revision/v2").status == 200
