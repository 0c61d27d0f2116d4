"""The volume is full before, during or after a download, or may not be written to."""

from ..e2e.cluster import condition, eventually, kubectl
from ..e2e.downloads import percent
from ..e2e.models import apply_model, hub_arguments
from ..e2e.parts import predictor, ready_pods
from .disks import disk
from .models import fetch_again, is_ready, like, ready, tells
from .rows import Load

RATE = 80_000


def test_a_disk_is_full_before_a_download(load: Load) -> None:
    with load, disk("before", "3m") as small:
        row = load.row(
            "disk-full-before", "the volume is smaller than the model",
            "OutOfSpace before a byte is fetched; Ready by itself once there is room",
        )  # fmt: skip
        row.struck()
        with apply_model(like("legal-basis-vi", "cramped-vi", storage={"claimName": small.claim})) as name:
            row.saw(f"{tells(name, 'OutOfSpace')} after {row.after()} s")
            small.remount("size=200m")
            row.mended()
            ready(name, 400)
            row.healed()


def test_a_disk_fills_up_during_a_download_and_after_it(load: Load) -> None:
    with load, hub_arguments(f"--rate={RATE}"), disk("during", "60m") as small:
        row = load.row(
            "disk-full-during", "somebody else fills the volume in the middle of a download",
            "OutOfSpace; goes on and is Ready by itself once there is room",
        )  # fmt: skip
        storage = {"claimName": small.claim}
        with apply_model(like("legal-basis-vi", "crowded-vi", storage=storage)) as name:
            eventually(lambda: percent(name) >= 20, "it is on its way", 120)
            small.fill()
            row.struck()
            row.control = "df says that no byte is free"
            assert small.on_node("df", "--output=avail", small.path).split()[-1] == "0"
            row.saw(f"{tells(name, 'OutOfSpace')} after {row.after()} s")
            small.free()
            row.mended()
            ready(name, 500)
            row.healed()

            after = load.row(
                "disk-full-after", "the volume is full while the model is served; its pod is deleted",
                "a new pod serves it all the same",
            )  # fmt: skip
            small.fill()
            (pod,) = ready_pods(predictor(name))
            kubectl("delete", "pod", pod, "--wait=false")
            after.struck()
            eventually(lambda: set(ready_pods(predictor(name))) - {pod}, "another pod is ready", 120)
            ready(name)
            after.healed()
            small.free()

            frozen = load.row(
                "disk-read-only", "the volume turns read-only; a further fetch is asked for",
                "VolumeReadOnly while it goes on answering; Ready by itself once it may be written to",
            )  # fmt: skip
            small.remount("ro")
            fetch_again(name, "frozen")
            frozen.struck()
            eventually(lambda: condition(name, "Ready")["reason"] == "VolumeReadOnly", "it is told", 150)
            frozen.saw(f"VolumeReadOnly after {frozen.after()} s")
            assert condition(name, "Servable")["status"] == "True"
            small.remount("rw")
            frozen.mended()
            ready(name, 400)
            frozen.healed()
            assert is_ready(name)
