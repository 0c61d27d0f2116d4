"""S6: whoever owns a name in the index that looks like one that was meant, and waits for it to be typed."""

import re
import tomllib
from collections.abc import Iterator

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
    return found


def _names(lines: list[str]) -> Iterator[str]:
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


def test_s6_names_that_look_like_those_that_were_meant(attack: Attack) -> None:
    asked = asked_for()
    assert {
        "gateway/pyproject.toml",
        "hack/tools/requirements.in",
        "hack/demo/requirements.in",
    } <= asked.keys()
    names = {name for part in asked.values() for name in part}
    assert meant() - names == set(), "meant, and asked for no more"
    tried = {trap for name in names for trap in traps(name)} | set(TOOLS)
    with attack("S6", "a name in the index that looks like one that was meant") as row:
        row.tried = len(names) + len(tried)
        row.got_through = len(unknown(asked))
        for trap in tried:
            row.got_through += not unknown({"planted.in": {trap}})
        row.figure = f"{len(names)} names in {len(asked)} files, {len(tried)} that look like them"
        row.control = f"without the list, an index is asked for each of the {len(tried)}"
