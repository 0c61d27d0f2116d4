"""A release says one version everywhere, and is made of nothing that is not committed."""

import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone with this folder's own state committed; it takes the tools and the Helm of this one."""
    place = tmp_path / "checkout"
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=REPO, capture_output=True, check=True
    ).stdout
    place.mkdir()
    packed = subprocess.Popen(
        ["tar", "-c", "--null", "--ignore-failed-read", "-T", "-"],
        cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    unpacked = subprocess.Popen(["tar", "-x"], cwd=place, stdin=packed.stdout)
    assert packed.stdin
    assert packed.stdout
    packed.stdin.write(files)
    packed.stdin.close()
    packed.stdout.close()
    packed.wait()
    assert unpacked.wait() == 0
    (place / ".venv").mkdir()
    for one in ("tools", "helm"):
        (place / ".venv" / one).symlink_to(REPO / ".venv" / one)
    git(place, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "A"), ("user.email", "a@localhost"), ("tag.gpgSign", "false")):
        git(place, "config", name, value)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "all")
    return place


def git(place: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout


def release(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(place / "hack/release"), *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=120)


DIGEST = f"sha256:{'a1' * 32}"
OWN = [
    f"veriaidpo-{name}" for name in ("gateway", "operator", "fetch", "predictor", "predictor-torch", "hub")
]


def digests(place: Path, *names: str) -> None:
    """Write down the digests of these images."""
    (place / "digests").write_text("".join(f"{name} {DIGEST}\n" for name in names))


def packaged(place: Path, name: str) -> str:
    """Read a file of the chart that was packaged last."""
    with tarfile.open(place / "build/release/veriaidpo-9.8.7.tgz") as chart:
        file = chart.extractfile(f"veriaidpo/{name}")
        assert file
        return file.read().decode()


def test_a_release_has_its_version_everywhere_and_a_tag(checkout: Path) -> None:
    done = release(checkout, "9.8.7")
    assert done.returncode == 0, done.stderr
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "tag", "--points-at", "HEAD") == "v9.8.7\n"
    for room in ("gateway", "operator", "predictors"):
        assert 'version = "9.8.7"' in (checkout / room / "pyproject.toml").read_text()
    assert '"9.8.7"' in (checkout / "gateway/veriaidpo_gateway/__init__.py").read_text()
    assert "image: veriaidpo-gateway:9.8.7" in (checkout / "manifests/install/veriaidpo.yaml").read_text()
    assert "\n## Unreleased\n\n## 9.8.7 - " in (checkout / "CHANGELOG.md").read_text()
    about = yaml.safe_load(packaged(checkout, "Chart.yaml"))
    assert (about["version"], about["appVersion"]) == ("9.8.7", "9.8.7")
    named = yaml.safe_load(about["annotations"]["artifacthub.io/images"])
    assert {"name": "gateway", "image": "veriaidpo-gateway:9.8.7"} in named
    assert about["annotations"]["artifacthub.io/changes"]
    digests(checkout, *OWN)
    assert release(checkout, "--digests", "digests", "9.8.7").returncode == 0
    values = yaml.safe_load(packaged(checkout, "values.yaml"))
    assert values["gateway"]["image"]["digest"] == DIGEST
    assert values["redis"]["image"]["digest"] == ""
    assert f"veriaidpo-hub@{DIGEST}" in packaged(checkout, "Chart.yaml")
    git(checkout, "diff", "--exit-code")
    digests(checkout, *OWN[1:])
    refused = release(checkout, "--digests", "digests", "9.8.7")
    assert (refused.returncode, "no digest of veriaidpo-gateway" in refused.stderr) == (2, True)
    (checkout / "digests").unlink()
    again = release(checkout, "9.8.8")
    assert (again.returncode, "nothing under Unreleased" in again.stderr) == (2, True)


def test_a_release_is_refused_before_anything_is_changed(checkout: Path) -> None:
    assert "name the version" in release(checkout, "9.8").stderr
    git(checkout, "tag", "v9.8.7")
    assert "there is a tag" in release(checkout, "9.8.7").stderr
    assert git(checkout, "status", "--porcelain") == ""
    (checkout / "README.md").write_text("changed")
    assert "commit first" in release(checkout, "9.8.8").stderr
