"""What hack/backup and hack/restore do, and in which order; kubectl and helm only write it down here."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import REPO, kinds, render

PROGRAM = """#!python -IS
import json, os, sys
from pathlib import Path
said = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
with Path(os.environ["SAID"]).open("a") as log:
    print(said.replace("\\n", " "), file=log)
if "--filename -" in said or "--stdin" in said:
    sys.stdin.buffer.read()
for words, (code, answer) in json.loads(os.environ["ANSWERS"]).items():
    if words in said:
        print(answer, end="", file=sys.stderr if code else sys.stdout)
        sys.exit(code)
"""
OPERATOR = {
    "kind": "Deployment",
    "spec": {
        "template": {
            "spec": {"containers": [{"env": [{"name": "FETCH_IMAGE", "value": "veriaidpo-fetch:0.1.0"}]}]}
        }
    },
}
NOTHING = (0, '{"kind": "List", "items": []}')
INSTALLED = {
    "get deployment veriaidpo-operator": (0, json.dumps(OPERATOR)),
    "--output json": NOTHING,
    "get values": (0, "gateway: {replicas: 3}\n"),
}
ABSENT = {"helm status": (1, "Error: release: not found\n")}
DATABASE = {"get statefulset": (0, "statefulset.apps/veriaidpo-postgresql")}


@dataclass(frozen=True)
class Cluster:
    """Programs that answer as they were told to, and what they were asked."""

    folder: Path

    def run(
        self, command: str, backup: Path, answers: Mapping[str, tuple[int, str]], **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of hack/ against it."""
        beside = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "SAID": str(self.folder / "said"),
            "ANSWERS": json.dumps({**ABSENT, **answers}),
        }
        return subprocess.run(
            [str(REPO / "hack" / command), str(backup)],
            env=beside | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def said(self) -> list[str]:
        """Return each command, in order."""
        return (self.folder / "said").read_text().splitlines()

    def place(self, words: str) -> int:
        """Return which of the commands had these words; AssertionError unless it was one."""
        (found,) = (number for number, one in enumerate(self.said()) if words in one)
        return found


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("kubectl", "helm"):
        (programs / name).write_text(PROGRAM.replace("python", sys.executable, 1))
        (programs / name).chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    return Cluster(programs)


@pytest.fixture
def backup(cluster: Cluster, tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    done = cluster.run("backup", folder, DATABASE | INSTALLED)
    assert done.returncode == 0, done.stderr
    (cluster.folder / "said").unlink()
    return folder


def test_without_a_database_of_the_chart_a_backup_has_none(cluster: Cluster, tmp_path: Path) -> None:
    done = cluster.run("backup", tmp_path / "kept", INSTALLED)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "kept/database.dump").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


OWN_OFF = ["gateway.replicas=1", "postgresql.enabled=false"]
THEIRS, OF_RECORDS = "postgresql.existingSecret=theirs", "records.databaseSecret=ledger"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([], {}),
        (OWN_OFF, {}),
        ([OF_RECORDS], {"ledger": "records"}),
        ([*OWN_OFF, THEIRS], {"theirs": "companies and records"}),
        ([*OWN_OFF, THEIRS, OF_RECORDS], {"theirs": "companies", "ledger": "records"}),
        ([*OWN_OFF, THEIRS, "records.enabled=false"], {"theirs": "companies"}),
    ],
)
def test_a_backup_says_which_databases_are_not_in_it(
    cluster: Cluster, tmp_path: Path, settings: list[str], told: dict[str, str]
) -> None:
    deployments = {one["metadata"]["name"]: one for one in kinds(render(*settings), "Deployment")}
    asked = {"get deployment veriaidpo-gateway": (0, json.dumps(deployments["veriaidpo-gateway"]))}
    own = {} if OWN_OFF[1] in settings else DATABASE
    done = cluster.run("backup", tmp_path / "kept", own | asked | INSTALLED)
    assert done.returncode == 0, done.stderr
    for secret, what in told.items():
        assert f"NOT in the backup: {what}, which are in the database that the Secret {secret}" in done.stderr
    assert done.stderr.count("NOT in the backup") == len(told)
    last = f"{tmp_path / 'kept'} has the backup of veriaidpo in veriaidpo"
    without = f", without the databases of: {', '.join(told)}" if told else ""
    assert done.stdout == f"{last}{without}\n"


def test_the_charts_database_is_not_taken_for_kept_when_it_is_gone(cluster: Cluster, tmp_path: Path) -> None:
    (gateway,) = (i for i in kinds(render(), "Deployment") if i["metadata"]["name"] == "veriaidpo-gateway")
    asked = {"get deployment veriaidpo-gateway": (0, json.dumps(gateway))}
    done = cluster.run("backup", tmp_path / "kept", asked | INSTALLED)
    assert "NOT in the backup: companies and records" in done.stderr


def test_a_database_that_cannot_be_asked_for_is_not_taken_for_none(cluster: Cluster, tmp_path: Path) -> None:
    done = cluster.run(
        "backup", tmp_path / "kept", {"get statefulset": (1, "the server is away")} | INSTALLED
    )
    assert done.returncode != 0
    assert "the server is away" in done.stderr


@pytest.mark.parametrize("failing", ["pg_dump", "get secrets", "get pvc", "get models"])
def test_a_backup_that_failed_leaves_nothing_that_looks_like_one(
    cluster: Cluster, tmp_path: Path, failing: str
) -> None:
    done = cluster.run("backup", tmp_path / "new/kept", {failing: (1, "no")} | DATABASE | INSTALLED)
    assert done.returncode != 0
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/database.dump").write_text("of yesterday")
    done = cluster.run("backup", tmp_path / "kept", INSTALLED)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert (tmp_path / "kept/database.dump").read_text() == "of yesterday"


def test_nobody_writes_to_a_database_that_is_coming_back(cluster: Cluster, backup: Path) -> None:
    done = cluster.run("restore", backup, {})
    assert done.returncode == 0, done.stderr
    without, restored = cluster.place("helm install"), cluster.place("pg_restore")
    with_them = cluster.place("helm upgrade")
    assert "--set gateway.replicas=0 --set gateway.autoscaling.enabled=false" in cluster.said()[without]
    assert without < cluster.place("rollout status statefulset/veriaidpo-postgresql") < restored < with_them
    assert "--set" not in cluster.said()[with_them]


def test_no_model_is_waited_for(cluster: Cluster, backup: Path) -> None:
    cluster.run("restore", backup, {}).check_returncode()
    assert not [one for one in cluster.said() if one.startswith("helm") and "--wait" in one]


@pytest.mark.parametrize(("code", "skipped"), [(0, True), (1, False)])
def test_a_definition_that_is_there_is_not_asked_for(
    cluster: Cluster, backup: Path, code: int, skipped: bool
) -> None:
    cluster.run("restore", backup, {"--raw /apis/": (code, "")}).check_returncode()
    assert ("--skip-crds" in cluster.said()[cluster.place("helm install")]) == skipped


@pytest.mark.parametrize(
    ("answer", "made"),
    [((0, ""), True), ((0, "namespace/veriaidpo"), False), ((1, "forbidden"), False)],
    ids=["missing", "there", "not to be looked at"],
)
def test_a_namespace_is_made_where_there_is_none(
    cluster: Cluster, backup: Path, answer: tuple[int, str], made: bool
) -> None:
    cluster.run("restore", backup, {"get namespace": answer}).check_returncode()
    assert ("kubectl create namespace veriaidpo" in cluster.said()) == made


def test_a_claim_of_ones_own_has_to_be_there_first(cluster: Cluster, backup: Path) -> None:
    (backup / "volumes/nfs.tar").touch()
    done = cluster.run("restore", backup, {})
    assert done.returncode == 1
    assert "the claim nfs was yours" in done.stderr
    changing = ("apply", "create --", "helm install")
    assert not [one for one in cluster.said() if any(word in one for word in changing)]


def test_a_claim_that_is_there_is_filled_as_it_is(cluster: Cluster, backup: Path) -> None:
    (backup / "volumes/nfs.tar").touch()
    cluster.run("restore", backup, {"get pvc nfs": (0, "persistentvolumeclaim/nfs")}).check_returncode()
    assert "fill-nfs -- python -c" in cluster.said()[cluster.place("exec --stdin fill-nfs")]


def test_a_release_has_the_name_it_had(cluster: Cluster, backup: Path) -> None:
    done = cluster.run("restore", backup, {}, RELEASE="another")
    assert done.returncode == 1
    assert "is of the release veriaidpo" in done.stderr


def test_a_release_that_is_there_is_not_restored_over(cluster: Cluster, backup: Path) -> None:
    done = cluster.run("restore", backup, {"helm status": (0, "STATUS: failed\n")})
    assert done.returncode == 1
    assert "has a release veriaidpo" in done.stderr


def test_a_cluster_that_does_not_answer_is_not_taken_for_an_empty_one(cluster: Cluster, backup: Path) -> None:
    done = cluster.run("restore", backup, {"helm status": (1, "the server is away")})
    assert done.returncode != 0
    assert not [one for one in cluster.said() if "install" in one]
