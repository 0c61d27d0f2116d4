"""What hack/restore does to a database, done to a real one: its own lines, without the pod around them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .postgres_process import PROGRAMS, PostgresProcess

REPO = Path(__file__).resolve().parents[2]
POD = """
in_namespace() {
  [[ $1 = exec ]] || return 0
  while [[ $1 != -- ]]; do shift; done
  shift
  "$@"
}
"""
"""In place of kubectl: what is executed in a pod is executed here."""


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of its own, since roles are shared; nobody else may look into pytest's."""
    with tempfile.TemporaryDirectory(prefix="veriaidpo-postgres-") as folder:
        yield Path(folder)


def restore(server: PostgresProcess, folder: Path, password: str) -> None:
    """Run the part of the script that begins where there is a dump."""
    script = (REPO / "hack/restore").read_text()
    _, begins, rest = script.partition("if [[ -e $folder/database.dump ]]; then")
    part = begins + rest.partition("\nfi\n")[0] + "\nfi\n"
    (folder / "password").write_text(password)
    part = part.replace("/etc/postgresql/password", str(folder / "password"))
    part = part.replace("--host /var/run/postgresql", f"--host 127.0.0.1 --port {server.port}")
    programs = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    names = {"folder": str(folder), "database": "veriaidpo-postgresql"}
    command = ["bash", "-c", f"set -euo pipefail{POD}{part}"]
    subprocess.run(command, env=programs | names, check=True, capture_output=True, timeout=60)


def test_a_database_is_as_it_was_and_has_the_password_of_the_backup(
    server_folder: Path, tmp_path: Path
) -> None:
    server = PostgresProcess(server_folder)
    local = ("--host", "127.0.0.1", "--port", str(server.port), "--username")

    def ask(sentence: str, user: str = "veriaidpo") -> str:
        psql = [str(PROGRAMS / "psql"), *local, user, "--dbname", "postgres", "--no-align", "--tuples-only"]
        done = subprocess.run([*psql, "--command", sentence], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        ask("CREATE ROLE veriaidpo SUPERUSER LOGIN PASSWORD 'of-the-volume'", user="postgres")
        ask("CREATE TABLE companies (name text)")
        ask("INSERT INTO companies VALUES ('Công ty Cổ phần Trở Lại')")
        dump = [str(PROGRAMS / "pg_dump"), *local, "veriaidpo", "--format", "custom", "postgres"]
        with (tmp_path / "database.dump").open("wb") as file:
            subprocess.run(dump, check=True, stdout=file)
        ask("DELETE FROM companies")
        before = ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'veriaidpo'")
        restore(server, tmp_path, "of-the-backup's \\ own")
        assert ask("SELECT name FROM companies") == "Công ty Cổ phần Trở Lại"
        after = ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'veriaidpo'")
        assert after.startswith("SCRAM-SHA-256$")
        assert after != before
    finally:
        server.stop()
