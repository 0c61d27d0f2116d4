"""A fetch needs the same memory whatever it fetches."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import LABELS
from .conftest import INSIDE, Authority, FileServer

MOST = 150e6
SIZE = 2 << 30


@pytest.mark.slow
def test_two_gigabytes_are_fetched_over_tls_in_150_mb(
    tmp_path: Path,
    volume: Path,
    web: FileServer,
    authority: Authority,
    repository: Callable[..., dict[str, bytes]],
) -> None:
    for path, data in repository().items():
        (web.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (web.folder / path).write_bytes(data)
    with (web.folder / "onnx" / "model.onnx_data").open("wb") as large:
        large.write(os.urandom(1 << 20))
        large.truncate(SIZE)  # the rest has no blocks: it is read as zeros
    files = []
    for file in filter(Path.is_file, web.folder.rglob("*")):
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        files.append({"path": file.relative_to(web.folder).as_posix(), "sha256": digest})
    spec = tmp_path / "spec.json"
    body = {"name": "tiny-en", "modelType": "tiny", "language": "en", "labels": LABELS}
    spec.write_text(json.dumps({**body, "source": {"uri": f"{web.url}/", "files": files}}))
    command = [sys.executable, "-m", "veriaidpo_predictor", "fetch", f"--spec={spec}", f"--root={volume}"]
    process = subprocess.Popen(
        command, env=os.environ | INSIDE | {"SOURCE_CA_FILE": str(authority.ca)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    peak = usage.ru_maxrss * 1024
    print(f"{peak / 1e6:.0f} MB at most")
    assert peak < MOST
