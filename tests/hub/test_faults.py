"""What the hub does wrong on purpose, one option each."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import HubStarter

NAME = "acme/small/onnx/model.onnx"
FILE = "/acme/small/resolve/main/onnx/model.onnx"
LISTING = "/api/models/acme/small/revision/main?blobs=true"


def test_cut_ends_the_connection_in_the_middle_and_sends_the_rest_when_asked(
    start: HubStarter, models: Path, model: dict[str, bytes]
) -> None:
    hub, whole = start("--root", f"acme={models}", "--cut", NAME), model["onnx/model.onnx"]
    half = len(whole) // 2
    with pytest.raises(http.client.IncompleteRead) as broken:
        hub.get(FILE)
    assert broken.value.partial == whole[:half]
    assert hub.get(FILE, Range=f"bytes={half}-").body == whole[half:]


def test_stall_is_silent_in_the_middle(start: HubStarter, models: Path, model: dict[str, bytes]) -> None:
    hub, whole = start("--root", f"acme={models}", "--stall", f"{NAME}=1"), model["onnx/model.onnx"]
    begun = time.monotonic()
    assert hub.get(FILE).body == whole
    assert time.monotonic() - begun >= 1
    begun = time.monotonic()
    assert hub.get(FILE, Range=f"bytes={len(whole) // 2}-").status == 206
    assert time.monotonic() - begun < 1


def test_claim_lists_another_size(start: HubStarter, models: Path, model: dict[str, bytes]) -> None:
    hub = start("--root", f"acme={models}", "--claim", f"{NAME}=7", "--claim", "acme/small/config.json=9")
    sizes = {one["rfilename"]: one for one in hub.get(LISTING).json()["siblings"]}
    assert (sizes["onnx/model.onnx"]["size"], sizes["onnx/model.onnx"]["lfs"]["size"]) == (7, 7)
    assert sizes["config.json"]["size"] == 9
    assert sizes["README.md"]["size"] == len(model["README.md"])
    assert hub.get(FILE).body == model["onnx/model.onnx"]


def test_redirect_names_another_address(start: HubStarter, models: Path) -> None:
    hub = start("--root", f"acme={models}", "--redirect", f"{NAME}=http://169.254.169.254/latest")
    answer = hub.get(FILE)
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/latest")
    assert hub.get("/acme/small/resolve/main/config.json").status == 200


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_refuse_answers_everything_about_a_repository(start: HubStarter, models: Path, status: int) -> None:
    hub = start("--root", f"acme={models}", "--refuse", f"acme/small={status}")
    for target in (LISTING, FILE):
        answer = hub.get(target)
        assert answer.status == status
        assert ("retry-after" in answer.headers) == (status in {429, 503})
    assert hub.get("/healthz").status == 200


@pytest.mark.parametrize(
    "options",
    [
        ["--refuse", "acme/small=200"],
        ["--refuse", "acme=500"],
        ["--stall", NAME],
        ["--claim", f"{NAME}=many"],
    ],
)
def test_a_fault_that_is_none_is_refused(start: HubStarter, models: Path, options: list[str]) -> None:
    with pytest.raises(AssertionError, match="usage:"):
        start("--root", f"acme={models}", *options)
