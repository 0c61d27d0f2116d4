"""The cluster on kind, with programs in place of Docker and kind that only note what they were told."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ..documents import REPO

_SILENT = "exit 0"
_KIND = 'echo "kind $*" >>"$TOLD"; [[ ! -p /dev/stdin ]] || cat >/dev/null'
_HELM = 'echo "helm $*" >>"$TOLD"'
_GO = """
echo "go $*" >>"$TOLD"
[[ "$*" != *-json* ]] || echo '{"Dir": "/modules/'"${!#}"'"}' | python3 -m json.tool --tab
[[ $1 != list ]] || echo "/modules/${!#}"
"""
_KUBECTL = 'case "$*" in *"-f -"*) cat >/dev/null ;; esac'


@dataclass(frozen=True)
class Machine:
    """Where the programs are, and what they were told."""

    folder: Path

    def up(self, **variables: str) -> str:
        told = self.folder / "told"
        told.write_text("")
        environment = os.environ | {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "TOLD": str(told),
            "DEVCLUSTER_CACHE": str(self.folder / "cache"),
        }
        done = subprocess.run(
            [str(REPO / "hack/cluster/kind"), "up"],
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return told.read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    programs = {"docker": _SILENT, "kind": _KIND, "kubectl": _KUBECTL, "helm": _HELM, "go": _GO}
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\nset -e\n{body}\n")
        (tmp_path / name).chmod(0o755)
    return Machine(tmp_path)


def test_by_itself_kind_chooses_the_node_and_the_repository_names_kserve(machine: Machine) -> None:
    told = machine.up()
    assert "kind create cluster --name veriaidpo --config -" in told
    version = _kserve()
    assert f"kserve-crd /modules/github.com/kserve/kserve@{version}/charts/kserve-crd" in told
    assert f"kserve.controller.tag={version}" in told


def test_the_node_and_kserve_are_variables(machine: Machine) -> None:
    told = machine.up(KIND_NODE_IMAGE="kindest/node:v1.31.4", KSERVE_VERSION="v0.19.0")
    assert "create cluster --name veriaidpo --image kindest/node:v1.31.4 --config -" in told
    assert "kserve-crd /modules/github.com/kserve/kserve@v0.19.0/charts/kserve-crd" in told
    assert "kserve.controller.tag=v0.19.0" in told
    told = machine.up(KSERVE_CHARTS="/elsewhere", KSERVE_VERSION="v0.19.0")
    assert "kserve /elsewhere/kserve-resources" in told


def test_both_pages_name_the_variables() -> None:
    shown = subprocess.run(
        [str(REPO / "hack/cluster/kind"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    for variable in ("KIND_NODE_IMAGE", "KSERVE_VERSION", "KSERVE_CHARTS"):
        assert variable in shown
        assert variable in (REPO / "docs/develop.md").read_text()


@pytest.mark.parametrize("provider", ["kind", "cluster"])
def test_the_ingress_is_asked_with_tls_and_without(provider: str) -> None:
    def said(*more: str) -> str:
        command = [str(REPO / "hack/cluster" / provider), "ingress", *more]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    plain, secure = httpx.URL(said().strip()), httpx.URL(said("https").strip())
    assert (plain.scheme, plain.port) == ("http", 30080)
    assert (secure.scheme, secure.port, secure.host) == ("https", 30443, plain.host)


def _kserve() -> str:
    lines = (REPO / "hack/cluster/kserve/go.mod").read_text().splitlines()
    (version,) = {line.split()[1] for line in lines if line.strip().startswith("github.com/kserve/kserve v")}
    return version
