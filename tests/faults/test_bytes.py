"""A bit changes on the volume, wherever: nothing wrong is served, and the bytes are fetched anew."""

import pytest

from ..e2e.cluster import condition, eventually, get, hub_bytes, kubectl
from ..e2e.downloads import percent
from ..e2e.models import apply_model, hub_arguments
from ..e2e.parts import owned, predictor
from .models import is_ready, like, ready, served
from .rows import Load
from .volumes import Shell, shell

RATE = 100_000
"""Bytes a second: the graph takes most of a minute."""


def restart(name: str) -> None:
    kubectl("delete", "pods", "-l", predictor(name), "--wait=false")


@pytest.mark.parametrize(
    ("line", "file", "word"),
    [
        ("flip-volume", "model.onnx", ""),
        # A letter of a label's name: no file's digest says anything of it.
        ("flip-manifest", "manifest.json", '"en"'),
    ],
)
def test_a_bit_of_a_published_revision(load: Load, line: str, file: str, word: str) -> None:
    name = f"{line}-vi"
    with load, served(like("legal-basis-vi", name)), shell(f"{name}-model") as volume:
        row = load.row(
            line, f"one bit of the served revision's {file} changes; its predictor starts again",
            "Verified False and not served; fetched anew and Ready by itself",
        )  # fmt: skip
        (path,) = volume.find(f"*/revisions/*{file}")
        before = volume.run("sha256sum", path)
        volume.flip(path, volume.behind(path, word) if word else 5000)
        damaged = volume.run("sha256sum", path)
        assert damaged != before
        row.control = "sha256sum of the file differs"
        restart(name)
        row.struck()
        eventually(lambda: condition(name, "Ready")["reason"] == "RevisionDamaged", "it is found", 120)
        assert condition(name, "Verified")["status"] == "False"
        row.saw(f"RevisionDamaged after {row.after()} s")
        ready(name, 240)
        assert volume.run("sha256sum", path) != damaged
        row.healed()


def test_a_bit_of_a_download_on_its_way(load: Load) -> None:
    repository, name = "veriaidpo-demo/principles-en", "staged-en"
    with load, hub_arguments(f"--rate={RATE}"), apply_model(like("principles-en", name)):
        row = load.row(
            "flip-staging", "one bit of what was downloaded so far changes; the fetch pod is killed",
            "found when the file is complete, which is then fetched again, once; Ready by itself",
        )  # fmt: skip

        eventually(lambda: percent(name) >= 30, "some of it is there", 120)
        with shell(f"{name}-model") as volume:
            (path,) = graph(volume)
            volume.flip(path, 1000)
        selector = f"{owned(name)},app.kubernetes.io/component=fetch"
        kubectl("delete", "pods", "-l", selector, "--grace-period=0", "--force")
        row.struck()
        ready(name, 300)
        row.healed()
        total = get("model", name)["status"]["download"]["bytesTotal"]
        row.saw(f"{hub_bytes(repository)} bytes sent for {total}")
        # What the killed pod had asked for and not read was sent as well.
        assert total < hub_bytes(repository) < 2.2 * total
        assert is_ready(name)


def graph(volume: Shell) -> list[str]:
    return volume.find("*/staging/*model.onnx")
