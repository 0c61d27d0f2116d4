"""The command line: folders in, a hub out."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from veriaidpo_hub.access import Access
from veriaidpo_hub.faults import Faults
from veriaidpo_hub.hub import Hub
from veriaidpo_hub.metrics import Metrics
from veriaidpo_hub.options import parser
from veriaidpo_hub.repositories import Repositories
from veriaidpo_hub.server import HubServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT: 0 then, 2 when it could not start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    options = parser().parse_args(arguments)
    try:
        token = _token(options.token, os.environ)
        hub = _hub(options, token)
        server = HubServer(options.host, options.port, hub, rate=options.rate)
        hub.repositories.read_all()
    except (OSError, ValueError) as error:
        print(f"veriaidpo-hub: {_sentence(error, options)}", file=sys.stderr)
        return 2
    _announce(server, options)
    server.serve_forever()
    return 0


def _hub(options: argparse.Namespace, token: str | None) -> Hub:
    roots: dict[str, Path] = {}
    for owner, folder in options.root:
        if owner in roots:
            raise ValueError(f"--root names the owner {owner} twice.")
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}.")
        roots[owner] = folder
    return Hub(
        repositories=Repositories(roots, large_from=options.large_from),
        access=Access(token=token, gated=frozenset(options.gated)),
        metrics=Metrics(),
        faults=Faults(
            flips=frozenset(options.flip),
            cuts=frozenset(options.cut),
            stalls=dict(options.stall),
            sizes=dict(options.claim),
            redirects=dict(options.redirect),
            refusals=dict(options.refuse),
        ),
        cdn=options.cdn.rstrip("/") if options.cdn else None,
    )


def _token(source: str | None, environment: Mapping[str, str]) -> str | None:
    if source is None:
        return None
    text = environment.get("HUB_TOKEN", "") if source == "env" else Path(source).read_text(encoding="utf-8")
    if not text.strip():
        raise ValueError(f"--token {source}: it is empty.")
    return text.strip()


def _announce(server: HubServer, options: argparse.Namespace) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    if options.port_file:
        written = options.port_file.with_name(f".{options.port_file.name}.new")
        written.write_text(f"{server.port}\n", encoding="ascii")
        written.replace(options.port_file)  # whoever waits for the file sees all of it or nothing
    owners = ", ".join(owner for owner, _ in options.root)
    print(f"veriaidpo-hub: serving {owners} at http://{host}:{server.port}", flush=True)


def _sentence(error: OSError | ValueError, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {options.port} of {options.host} is in use."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    for another in (signal.SIGTERM, signal.SIGINT):
        signal.signal(another, signal.SIG_IGN)
    sys.exit(0)  # downloads in the middle end here: their threads do not keep the process


if __name__ == "__main__":
    sys.exit(main())
