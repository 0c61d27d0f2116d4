"""M3 to M7: archives, bombs, pickles, code, weights that lie, half files, and neighbours on one volume."""

import gzip
import io
import json
import pickle
import shutil
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
import pytest

from ..conftest import Attack
from . import hostile_graphs
from .conftest import Ended, Fetch
from .lying_hub import LyingHub


def bomb() -> bytes:
    """A zip of 100 MB of zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.json", bytes(100 << 20))
    return out.getvalue()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def roots(tmp_path: Path) -> Iterator[Path]:
    """A volume for each try."""
    return (tmp_path / f"try-{number}" for number in range(1_000))


def test_m3_archives_and_bombs(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], roots: Iterator[Path]
) -> None:
    truth = sum(map(len, files.values()))
    zipped = bomb()
    with attack("M3", "archives, zip and gzip bombs, endless files, announced sizes that lie") as row:

        def judge(root: Path, ended: Ended, *, published: bool = False) -> None:
            row.tried += 1
            row.got_through += ended.published is not published or size_of(root) > 2 * truth + (1 << 20)

        for name in ("model.zip", "model.tar.gz", "model.whl", "onnx.7z", "model.onnx.zip", "weights.nemo"):
            root = next(roots)
            with LyingHub({"config.json": files["config.json"], name: zipped}) as hub:
                ended = fetch(hub.url, root=root)
            judge(root, ended)
            row.got_through += name not in ended.said["message"]
        for name in ("config.json", "onnx/model.onnx"):
            for sent in (zipped, files[name] + bytes(50 << 20), gzip.compress(bytes(50 << 20))):
                root = next(roots)
                with LyingHub(files) as hub:
                    hub.sent[name] = sent
                    hub.headers = {"content-encoding": "gzip"} if sent[:2] == b"\x1f\x8b" else {}
                    judge(root, fetch(hub.url, root=root))
        for size in (10**15, 2**63, 2**70):
            root = next(roots)
            with LyingHub(files) as hub:
                listed = [hub.entry(one) for one in files]
                listed[0]["lfs"]["size"] = size
                hub.listed = listed
                judge(root, fetch(hub.url, root=root))
                row.got_through += any("/resolve/" in path for path in hub.asked)
        root = next(roots)
        with LyingHub(files) as hub:
            judge(root, fetch(hub.url, root=root), published=True)
        row.figure = f"at most {(2 * truth) >> 20} MiB on the volume; nothing unpacked"
        (entry,) = zipfile.ZipFile(io.BytesIO(zipped)).infolist()
        into = f"{entry.file_size >> 20} MiB at {entry.filename}"
        row.control = f"unpacked, the zip of {len(zipped) >> 10} KiB is {into}"


class Evil:
    """What a pickle may do when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.write_text, (self.target, "run")


def test_m4_pickles_and_code(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], roots: Iterator[Path], tmp_path: Path
) -> None:
    mark = tmp_path / "run"
    evil = pickle.dumps(Evil(mark))
    weights = {name: data for name, data in files.items() if name != "onnx/model.onnx"}
    names = (
        "pytorch_model.bin", "model.pt", "model.pth", "model.pkl", "model.ckpt", "training_args.bin",
        "model.joblib", "modeling_evil.py", "tokenization_evil.py", "setup.py", "run.sh", "evil.so",
        "x.ipynb",
    )  # fmt: skip
    with attack("M4", "pickles, code beside a model, and settings that have it run") as row:
        for name in names:
            for beside, base in ((True, files), (False, weights)):
                root = next(roots)
                with LyingHub({**base, name: evil}) as hub:
                    ended = fetch(hub.url, root=root)
                row.tried += 1
                told = json.dumps(ended.said)
                row.got_through += mark.exists() or ended.published is not beside or name not in told
                row.got_through += any(path.endswith(name) for path in hub.asked)
                row.got_through += any(path.name == name for path in root.rglob("*"))
        for path in ("config.json", "tokenizer_config.json"):
            for asking in ({"auto_map": {"AutoModel": "evil.Model"}}, {"trust_remote_code": True}):
                changed = json.dumps({**json.loads(files[path]), **asking}).encode()
                with LyingHub({**files, path: changed, "evil.py": b"raise SystemExit"}) as hub:
                    ended = fetch(hub.url, root=next(roots))
                row.tried += 1
                row.got_through += ended.published or next(iter(asking)) not in ended.said["message"]
        row.figure = (
            f"{len(names)} kinds of files with and without a model beside, 4 settings; none was asked for"
        )
        pickle.loads(evil)
        row.control = f"pickle.loads of the same bytes runs them: {mark.read_text()}"


def hostile_weights(files: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    """Weights whose header lies."""
    good = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", good[:8])
    header = json.loads(good[8 : 8 + length])
    data = good[8 + length :]
    names = [name for name in header if name != "__metadata__"]

    def written(changed: dict[str, Any]) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + data

    def with_first(**changes: Any) -> bytes:
        return written({**header, names[0]: {**header[names[0]], **changes}})

    return {
        "a header of 2^62 bytes": struct.pack("<Q", 2**62) + good[8:],
        "a header of 2^64 - 1 bytes": struct.pack("<Q", 2**64 - 1) + good[8:],
        "no bytes": b"\0" * 8,
        "half of it": good[: len(good) // 2],
        "a byte less": good[:-1],
        "bytes behind the end": with_first(data_offsets=[len(data), len(data) + 4]),
        "bytes before the beginning": with_first(data_offsets=[-8, 0]),
        "overlapping tensors": with_first(data_offsets=header[names[1]]["data_offsets"]),
        "a shape of 2^60": with_first(shape=[2**60]),
        "a shape below 0": with_first(shape=[-1, 4]),
        "a kind of number that there is not": with_first(dtype="OBJECT"),
        "a list for a header": struct.pack("<Q", 2) + b"[]",
        "nested deeply": struct.pack("<Q", 200_000) + b"[" * 100_000 + b"]" * 100_000,
    }


def test_m5_weights_that_lie(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], roots: Iterator[Path], demo_model: Path
) -> None:
    beside = {name: data for name, data in files.items() if not name.startswith("onnx/")}
    hostile = hostile_weights(files, demo_model)
    with attack("M5", "safetensors with headers that lie about lengths, places, shapes and kinds") as row:
        for data in hostile.values():
            with LyingHub({**beside, "model.safetensors": data}) as hub:
                ended = fetch(hub.url, root=next(roots))
            row.tried += 1
            row.got_through += ended.published or ended.said["reason"] == "Internal"
        sound = {**beside, "model.safetensors": (demo_model / "model.safetensors").read_bytes()}
        with LyingHub(sound) as hub:
            row.control = f"the same weights as they are: {fetch(hub.url, root=next(roots)).said['reason']}"
        row.figure = f"{len(hostile)} headers, each refused with a reason of its own"


def test_m5_graphs_that_reach_out(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], roots: Iterator[Path], tmp_path: Path
) -> None:
    graphs = hostile_graphs.hostile(files["onnx/model.onnx"])
    with attack(
        "M5b", "graphs that read other files, lie about sizes, swell, or bring their own operators"
    ) as row:
        for data, words in graphs.values():
            with LyingHub({**files, "onnx/model.onnx": data}) as hub:
                ended = fetch(hub.url, root=next(roots))
            row.tried += 1
            row.got_through += (
                ended.said["reason"] != "UnsupportedFormat" or words not in ended.said["message"]
            )
        row.figure = f"{len(graphs)} graphs, each refused with what is wrong with it, before an engine saw it"
        opened = [what for what, (data, _) in graphs.items() if engine_opens(tmp_path, data)]
        row.control = f"onnxruntime opens {len(opened)} of them as they are: {', '.join(opened)}"


def engine_opens(folder: Path, graph: bytes) -> bool:
    (folder / "config.json").write_bytes(b"0123456789")
    path = folder / "model.onnx"
    path.write_bytes(graph)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  a dozen types of its own, none with a common parent
        return False
    return True


def test_m6_half_and_changed_files(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], roots: Iterator[Path]
) -> None:
    with attack(
        "M6", "files that are cut short, changed in one bit, or exchanged, under a digest that is known"
    ) as row:
        for name, data in files.items():
            for place in (0, len(data) // 3, len(data) - 1):
                flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
                for sent in (data[:place], flipped, files["config.json"] + data):
                    root = next(roots)
                    with LyingHub(files) as hub:
                        hub.sent[name] = sent
                        ended = fetch(hub.url, root=root)
                    row.tried += 1
                    row.got_through += ended.published or bool(list(root.rglob("manifest.json")))
                    shutil.rmtree(root)
        row.figure = f"{row.tried} files in place of {len(files)}, 0 published"
        with LyingHub({**files, "config.json": files["config.json"] + b" "}) as hub:
            control = fetch(hub.url, root=next(roots))
        row.control = f"the same change, listed with its own digest: {control.said['reason']}"


def test_m7_neighbours_on_one_volume(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], volume: Path
) -> None:
    names = ("../other", "..", ".", "a/b", "/etc", "other/../tiny", "tiny\0", "", "Tiny", "a" * 64, "other\n")
    with LyingHub(files) as hub:
        fetch(hub.url, name="other")
    there = {path: path.read_bytes() for path in volume.rglob("*") if path.is_file()}
    (digest,) = (path.parent.name for path in volume.rglob("manifest.json"))
    with attack("M7", "a fetch for one model that reaches for another's files on the same volume") as row:
        for name in names:
            with LyingHub(files) as hub:
                ended = fetch(hub.url, name=name)
            row.tried += 1
            row.got_through += ended.published
        for keep in ({"dropped": (digest,)}, {"newest": 1}, {"newest": 1, "dropped": (digest[:12],)}):
            with LyingHub({**files, "labels.json": json.dumps(keep).encode()}) as hub:
                fetch(hub.url, name="tiny", keep=keep)
            row.tried += 1
            row.got_through += any(
                not path.exists() or path.read_bytes() != data for path, data in there.items()
            )
        row.figure = f"{row.tried} fetches; the other's {len(there)} files are as they were"
        with LyingHub({**files, "labels.json": b"{}"}) as hub:
            fetch(hub.url, name="other", keep={"newest": 1, "dropped": (digest,)})
        gone = sum(not path.exists() for path in there)
        row.control = f"told to drop it under its own name, {gone} of them go"
        assert gone
