"""--flip sends one file with one bit changed, under the digests of the true one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess, HubStarter


FILE = "/acme/small/resolve/main/onnx/model.onnx"


@pytest.fixture
def flipping(start: HubStarter, models: Path) -> HubProcess:
    return start("--root", f"acme={models}", "--flip", "acme/small/onnx/model.onnx")


def test_exactly_one_bit_is_another(flipping: HubProcess, model: dict[str, bytes]) -> None:
    sent, true = flipping.get(FILE).body, model["onnx/model.onnx"]
    assert len(sent) == len(true)
    assert (int.from_bytes(sent, "big") ^ int.from_bytes(true, "big")).bit_count() == 1


def test_the_digests_are_the_true_ones(flipping: HubProcess, hub: HubProcess) -> None:
    assert flipping.get(FILE, "HEAD").headers["etag"] == hub.get(FILE, "HEAD").headers["etag"]
    assert flipping.get("/api/models/acme/small").json() == hub.get("/api/models/acme/small").json()


def test_it_is_the_same_bit_in_every_range(flipping: HubProcess) -> None:
    whole = flipping.get(FILE).body
    middle = len(whole) // 2
    for first, end in [(0, middle), (middle, len(whole)), (middle - 1, middle + 1), (middle, middle + 1)]:
        assert flipping.get(FILE, Range=f"bytes={first}-{end - 1}").body == whole[first:end]


def test_other_files_are_whole(flipping: HubProcess, model: dict[str, bytes]) -> None:
    assert flipping.get("/acme/small/resolve/main/config.json").body == model["config.json"]


def test_the_real_client_is_given_the_wrong_bytes(
    flipping: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    """It does not look at digests itself: those who use it have to."""
    file = client(flipping, "hf_hub_download", repo_id="acme/small", filename="onnx/model.onnx")
    assert Path(file).read_bytes() != model["onnx/model.onnx"]
