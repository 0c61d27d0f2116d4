"""What goes into a cluster without a way out is the signer's, to the byte, or is not used."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import REPO

Change = Callable[[Path], None]


def offline(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(REPO / "hack/offline"), *arguments]
    inherited = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(Path.home())}
    return subprocess.run(
        command, env=inherited | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """A private key, and its public one."""
    private, public = str(tmp_path / "key.pem"), str(tmp_path / "key.pub")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


@pytest.fixture
def made(tmp_path: Path, keys: tuple[str, str]) -> Path:
    images, file = tmp_path / "images", tmp_path / "veriaidpo.tar"
    images.mkdir()
    (images / "veriaidpo-gateway.tar").write_bytes(b"layers" * 1000)
    done = offline("make", str(file), keys[0], IMAGES=str(images))
    assert done.returncode == 0, done.stderr
    return file


def changed(file: Path, change: Change) -> None:
    """Unpack it, change something, and pack it again."""
    folder = file.parent / "changed"
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    change(folder / "veriaidpo")
    with tarfile.open(file, "w") as archive:
        archive.add(folder / "veriaidpo", "veriaidpo")


def test_it_holds_chart_images_and_values_and_is_verified(made: Path, keys: tuple[str, str]) -> None:
    with tarfile.open(made) as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert {"veriaidpo-gateway.tar", "values.yaml", "SHA256SUMS", "SHA256SUMS.sig"} <= names
    assert any(name.endswith(".tgz") for name in names)
    done = offline("verify", str(made), keys[1])
    assert done.returncode == 0, done.stderr
    assert "every byte" in done.stdout


def flip(folder: Path) -> None:
    image = folder / "images/veriaidpo-gateway.tar"
    image.write_bytes(image.read_bytes()[:-1] + b"S")


def flip_and_sum(folder: Path) -> None:
    flip(folder)
    names = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and "SHA256" not in p.name]
    told = subprocess.run(["sha256sum", *map(str, names)], cwd=folder, check=True, capture_output=True)
    (folder / "SHA256SUMS").write_bytes(told.stdout)


def add(folder: Path) -> None:
    (folder / "images/another.tar").write_bytes(b"x")


def leave_out(folder: Path) -> None:
    (folder / "values.yaml").unlink()


def link(folder: Path) -> None:
    (folder / "images/another.tar").symlink_to("veriaidpo-gateway.tar")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip, "changed after it was signed"),
        (flip_and_sum, "not signed by that key"),
        (add, "nobody signed"),
        (leave_out, "changed after it was signed"),
        (link, "neither a file nor a folder"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "load"])
def test_whatever_was_changed_is_refused(
    made: Path, keys: tuple[str, str], change: Change, said: str, command: str
) -> None:
    changed(made, change)
    done = offline(command, str(made), keys[1])
    assert done.returncode == 1
    assert said in done.stderr


def test_another_signer_is_refused(made: Path, keys: tuple[str, str], tmp_path: Path) -> None:
    private, public = str(tmp_path / "other.pem"), str(tmp_path / "other.pub")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    assert "not signed by that key" in offline("verify", str(made), public).stderr
