"""M2: names of files that are meant to end up somewhere else than in the revision."""

from pathlib import Path

from ..conftest import Attack
from .conftest import Fetch
from .lying_hub import LyingHub

HOSTILE = (
    "../evil.json", "../../evil.json", "../../../../../../../../tmp/evil.json", "onnx/../../evil.json",
    "/tmp/evil.json", "//tmp/evil.json", "..\\evil.json", "onnx\\..\\..\\evil.json", "C:\\evil.json",
    "config.json/../../evil.json", "./config.json", "onnx//model.onnx", "onnx/./model.onnx",
    "config.json\0.sh", "config.json\n", "CONFIG.JSON", "Onnx/model.onnx", ".", "..", "", "~/evil.json",
    "$HOME/evil.json", "manifest.json", "../revisions/x/manifest.json", "..%2fevil.json",
    "\u202enosj.gifnoc", "evil.model/../x.model",
)  # fmt: skip


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_m2_names_that_lead_elsewhere(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], tmp_path: Path
) -> None:
    mine = {"spec.json", "said.json"}
    with attack("M2", "names of files that lead out of the revision, or shadow one of its files") as row:
        for name in HOSTILE:
            root = tmp_path / f"{row.tried}" / "volume"
            before = everything(tmp_path) | mine
            with LyingHub(files) as hub:
                hub.listed = [*map(hub.entry, files), hub.entry(name, b"{}")]
                ended = fetch(hub.url, root=root)
            revision = root / "models/tiny/revisions" / ended.said.get("digest", "none")
            wanted = {revision / path for path in (*files, "manifest.json")} | {root / "models/tiny/.lock"}
            new = everything(tmp_path) - before
            row.tried += 1
            row.got_through += bool(new - {path.relative_to(tmp_path).as_posix() for path in wanted})
        row.figure = f"{row.tried} names, {row.got_through} files outside or in place of another"
