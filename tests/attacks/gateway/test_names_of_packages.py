"""S6: whoever owns a name in the index that looks like one that was meant, and waits for it to be typed."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterable, Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ...documents import REPO
from ..conftest import Attack

MEANT = REPO / "hack/tools/packages_meant.txt"
OTHERS = {
    "python-jose": "jose", "pyjwt": "jwt", "pyyaml": "yaml", "scikit-learn": "sklearn", "redis": "redis-py",
    "cyclonedx-bom": "cyclonedx", "ahocorasick-rs": "ahocorasick", "import-linter": "importlinter",
    "kubernetes": "kubernetes-client", "proxy-py": "proxy", "pip-audit": "pipaudit",
    "onnxruntime": "onnx-runtime",
    "huggingface-hub": "hugging-face-hub", "opentelemetry-sdk": "opentelemetry", "flit-core": "flitcore",
    "prometheus-client": "prometheus",
}  # fmt: skip
"""What somebody would call them who knows the program or the module, and not its package."""
TOOLS = ("helm", "syft", "trivy", "gitleaks", "kubectl", "wrk", "k6", "kind", "cosign")
"""Programs that are used or were thought of; the packages of these names are other projects'."""
COMMANDS = (":(glob)**/*Dockerfile*", "hack", "Makefile", ".ci", ".github")
"""Where commands are written that ask an index without a file, as git names places."""
WITH_VALUE = {
    "-r", "-c", "-d", "-i", "-t", "-w", "--requirement", "--constraint", "--dest", "--index-url",
    "--extra-index-url", "--target", "--wheel-dir", "--only-binary", "--no-binary", "--python-version",
    "--python-platform", "--root-user-action",
}  # fmt: skip
"""Options of pip whose next word is no package. That of any other is taken for one, and so is seen."""


def asked_for() -> dict[str, set[str]]:
    """Give each name that a file of this repository asks an index for, by the file."""
    found = {}
    for path in sorted(REPO.glob("**/requirements*.in")):
        if not any(part.startswith(".") or part == "build" for part in path.relative_to(REPO).parts):
            found[str(path.relative_to(REPO))] = set(_names(path.read_text("utf-8").splitlines()))
    # These two are written by hand, and named with their versions.
    for name in ("hack/tools/requirements-helm.txt", "predictors/torch.txt"):
        found[name] = set(_names((REPO / name).read_text("utf-8").splitlines()))
    for path in sorted(REPO.glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text("utf-8"))
        parts = [project["project"]["dependencies"], project["build-system"]["requires"]]
        parts += project["project"].get("optional-dependencies", {}).values()
        parts += project.get("dependency-groups", {}).values()
        found[str(path.relative_to(REPO))] = {name for part in parts for name in _names(part)}
    return found | _typed_in_files()


def _typed_in_files() -> dict[str, set[str]]:
    looked = ["git", "grep", "--untracked", "-lIwE", "pip3?", "--", *COMMANDS]
    files = subprocess.run(looked, cwd=REPO, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {file: typed((REPO / file).read_text("utf-8")) for file in files if not file.endswith(".md")}
    return {file: names for file, names in found.items() if names}


def typed(text: str) -> set[str]:
    """Give the names that commands of a script or a Dockerfile ask for; ValueError where one is unclear."""
    lines = text.replace("\\\n", " ").splitlines()
    commands = (line for line in lines if re.search(r"\bpip3?\b.*\s(install|download)\s", line))
    return {name for line in commands if not line.lstrip().startswith("#") for name in _names(_words(line))}


def _words(line: str) -> Iterator[str]:
    """Give what stands after `pip install`: no options, files, variables, or places that output goes to."""
    read = shlex.shlex(line, posix=True, punctuation_chars=True)
    read.whitespace_split, read.commenters = True, ""
    pip, asks, before = False, False, ""
    for word in read:
        if word.startswith("#"):
            break
        if word[:1] in tuple("&|;()"):
            pip, asks = False, False
        elif re.fullmatch(r"(.*/)?pip3?", word):
            pip = True
        elif pip and word in {"install", "download"}:
            asks = True
        elif asks and not (
            before in WITH_VALUE or before[:1] in tuple("<>") or re.search(r"^[.<>\d]|[$/]", word)
        ):
            yield word
        before = word


def _names(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        text = line.partition("#")[0].strip().removesuffix("\\").strip()
        if text and not text.startswith("-"):
            yield canonicalize_name(Requirement(text).name)


def meant() -> set[str]:
    """Give the names that somebody looked up and meant."""
    lines = (line.partition("#")[0].strip() for line in MEANT.read_text("utf-8").splitlines())
    return {line for line in lines if line}


def traps(name: str) -> set[str]:
    """Give names that a hurried hand types, or that somebody takes it for."""
    letters = range(len(name))
    found = {name[:one] + name[one + 1 :] for one in letters}
    found |= {name[:one] + name[one] + name[one:] for one in letters}
    found |= {name[:one] + name[one + 1] + name[one] + name[one + 2 :] for one in letters[:-1]}
    found |= {f"python-{name}", f"py{name}", f"{name}s", f"{name}-python", f"{name}2", name.replace("-", "")}
    found |= {OTHERS[name]} if name in OTHERS else set()
    proper = (one.strip("-") for one in found)
    return {str(canonicalize_name(one)) for one in proper if re.fullmatch(r"[a-z0-9].*[a-z0-9]", one)} - {
        name
    }


def unknown(asked: dict[str, set[str]]) -> set[str]:
    """Give the names that are asked for and that nobody meant."""
    return {name for names in asked.values() for name in names} - meant()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RUN pip install --no-cache-dir idna", {"idna"}),
        ("RUN ls \\\n && /opt/bin/pip3 install -q \\\n  idna 'uvloop[dev]>=0.2' && rm x", {"idna", "uvloop"}),
        ('"$uv" pip install ${AT:+--index-url "$AT"} -r torch.txt PyYAML==6.0 "" >&2', {"pyyaml"}),
        ("python3 -m pip download --no-deps -d wheels idna 2>&1 | tail", {"idna"}),
        ("pip --python /opt/x install --only-binary :all: --target=/x ./here $it /a/*.whl -r a.txt", set()),
        ("# pip install idna\necho no pip install ; install idna\npip list  # pip install idna", set()),
        ("pip install --an-option-of-tomorrow value", {"value"}),
    ],
)  # fmt: skip
def test_names_that_are_typed_after_pip_are_asked_for(text: str, names: set[str]) -> None:
    assert typed(text) == names


def test_s6_names_that_look_like_those_that_were_meant(attack: Attack) -> None:
    asked = asked_for()
    assert {
        "gateway/pyproject.toml",
        "hack/tools/requirements.in",
        "hack/demo/requirements.in",
        "hack/cluster/check/predictor/Dockerfile",
    } <= asked.keys()
    names = {name for part in asked.values() for name in part}
    assert meant() - names == set(), "meant, and asked for no more"
    tried = {trap for name in names for trap in traps(name)} | set(TOOLS)
    with attack("S6", "a name in the index that looks like one that was meant") as row:
        row.tried = len(names) + len(tried)
        row.got_through = len(unknown(asked))
        for trap in tried:
            row.got_through += not unknown({"planted.sh": typed(f"pip install --quiet {trap}")})
        row.figure = f"{len(names)} names in {len(asked)} files, {len(tried)} that look like them"
        row.control = f"without the list, an index is asked for each of the {len(tried)}"
