"""Two builds are the same only where every file is."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def image(
    place: Path, files: dict[str, bytes], *, time: int = 1, labels: dict[str, str] | None = None
) -> str:
    """Write an image of one layer, as `docker save` does."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), time
            archive.addfile(member, io.BytesIO(data))
    parts = {
        "layer.tar": layer.getvalue(),
        "config.json": json.dumps({"config": {"Labels": labels or {}}}).encode(),
        "manifest.json": json.dumps([{"Config": "config.json", "Layers": ["layer.tar"]}]).encode(),
    }
    with tarfile.open(place, "w") as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(place)


FILES = {"bin/a": b"a", "lib/b": b"b"}


@pytest.mark.parametrize(
    ("files", "how", "said"),
    [
        (FILES, {}, ""),
        ({"bin/a": b"a", "lib/b": b"c"}, {}, "lib/b"),
        ({"bin/a": b"a"}, {}, "lib/b"),
        ({**FILES, "new": b""}, {}, "new"),
        (FILES, {"time": 2}, "bin/a"),
        (FILES, {"labels": {"version": "2"}}, "labelled otherwise"),
    ],
)
def test_what_differs_is_named(
    tool: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    files: dict[str, bytes], how: dict[str, Any], said: str,
) -> None:  # fmt: skip
    one, other = image(tmp_path / "one.tar", FILES), image(tmp_path / "other.tar", files, **how)
    assert tool("compare_images").main(one, other) == (1 if said else 0)
    assert (said or "are the same, file by file") in capsys.readouterr().out
