"""What pages have people type and set: helm, kubectl and the chart are asked whether they take it.

That it does what the page says is shown on a cluster: tests/e2e types all of docs/install.md.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ..documents import blocks, chapters_with_commands, commands
from .conftest import CHART, REPO, helm

PAGES = ["README.md", *sorted(str(path.relative_to(REPO)) for path in (REPO / "docs").glob("*.md"))]
TYPED = [
    (page, line)
    for page in PAGES
    for chapter in chapters_with_commands(page)
    for block in commands(page, chapter)
    for line in block
]
_NOWHERE = """\
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: nowhere
"""


def _lines(word: str) -> list[str]:
    return sorted({line for _, line in TYPED if re.search(rf"(^|[(|] ?){word} ", line)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the commands name: the chart, and files that people bring."""
    made = tmp_path_factory.mktemp("typed")
    for name in ("charts", "hack", "manifests"):
        (made / name).symlink_to(REPO / name)
    brought = re.compile(r"(?:from-file=(?:[\w-]+=)?|--cert=|--key=| <)([\w./-]+)")
    named = {name for _, line in TYPED for name in brought.findall(line)}
    certificate = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=a")
    pair = ("-keyout", str(made / "tls.key"), "-out", str(made / "tls.crt"))
    subprocess.run(["openssl", "req", "-x509", *certificate, *pair], check=True, capture_output=True)
    for name in named - {"tls.key", "tls.crt"}:
        shutil.copy(made / ("tls.key" if name.endswith(".key") else "tls.crt"), made / name)
    shutil.copy(CHART / "ci/production-values.yaml", made / "values.yaml")
    return made


def test_all_of_install_is_typed_by_a_test() -> None:
    called = re.compile(r'commands\(\s*"docs/install\.md",\s*"([^"]+)"')
    claimed = {
        chapter for path in (REPO / "tests").rglob("*.py") for chapter in called.findall(path.read_text())
    }
    assert set(chapters_with_commands("docs/install.md")) == claimed


@pytest.mark.parametrize("line", _lines("helm (?:install|upgrade)"))
def test_the_chart_takes_what_is_installed(line: str, folder: Path) -> None:
    rendered = re.sub(r"^helm (install|upgrade) ", f"'{REPO}/hack/helm' template ", line)
    done = subprocess.run(
        ["bash", "-c", rendered], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "kind: Deployment" in done.stdout


@pytest.mark.parametrize("line", _lines("kubectl"))
def test_kubectl_understands(line: str, folder: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine: tests/e2e types these lines")
    (folder / "nowhere").write_text(_NOWHERE)
    environment = os.environ | {"HOME": str(folder), "KUBECONFIG": "nowhere"}
    script = f"set -o pipefail; {line.removesuffix('&')}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    # What kubectl does not understand it says before it asks a cluster.
    assert "connection refused" in done.stderr or "was refused" in done.stderr, done.stderr


VALUES = [
    (page, block)
    for page in PAGES
    for block in blocks(page, "yaml")
    if not {"kind", "source"} & (yaml.safe_load(block) or {}).keys()
]


@pytest.mark.parametrize(("page", "values"), VALUES)
def test_the_chart_takes_values_of_a_page(page: str, values: str) -> None:
    # By themselves, as somebody has them who copies only these lines.
    assert helm("template", "veriaidpo", str(CHART), "--values", "-", stdin=values)


def test_configure_has_lines_for_every_part_of_the_chart() -> None:
    set_there = {part for block in blocks("docs/configure.md", "yaml") for part in yaml.safe_load(block)}
    assert set_there == yaml.safe_load((CHART / "values.yaml").read_text()).keys()
