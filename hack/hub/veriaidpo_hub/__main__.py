"""The command line: folders in, a hub out."""

import argparse
import errno
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from veriaidpo_hub.access import Access
from veriaidpo_hub.hub import Hub
from veriaidpo_hub.metrics import Metrics
from veriaidpo_hub.repositories import Repositories
from veriaidpo_hub.server import HubServer

_EPILOG = """\
DIR/<repo>/ is served as the branch main of the model repository OWNER/<repo>, DIR/<repo>@<branch>/ as another
branch of it. Folders may change while this runs. /healthz answers 200, /metrics counts requests and bytes.

Clients find it by HF_ENDPOINT:
  python -m veriaidpo_hub --root veriaidpo-demo=hack/demo/models &
  HF_ENDPOINT=http://127.0.0.1:8090 hf download veriaidpo-demo/principles-vi
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT: 0 then, 2 when it could not start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    options = _parser().parse_args(arguments)
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
        flips=frozenset(options.flip),
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m veriaidpo_hub",
        description="Serves folders over the Hugging Face hub's protocol, for demonstrations and tests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--root", action="append", required=True, type=_root, metavar="OWNER=DIR", help="folders of an owner")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=8090, help="port to listen on, 0 for any free one (%(default)s)")
    add("--port-file", type=Path, metavar="FILE", help="write the port into FILE once requests are answered")
    add("--token", metavar="FILE|env", help="make all of it private: the token is in FILE, or in HUB_TOKEN")
    repository, file = "OWNER/REPO", "OWNER/REPO/PATH"
    add(
        "--gated", action="append", default=[], type=_repository, metavar=repository,
        help="list this repository to anybody, its files to the token alone (without one: to nobody)",
    )  # fmt: skip
    add(
        "--large-from", type=_count, default=10_000_000, metavar="BYTES",
        help="files from this size on are large, as *.safetensors, *.onnx, *.bin, *.model are (%(default)s)",
    )  # fmt: skip
    add(
        "--cdn",
        metavar="ORIGIN",
        help="redirect large files to this origin, another name of this server",
    )
    faults = parser.add_argument_group("made to fail")
    faults.add_argument("--rate", type=_count, metavar="BYTES", help="bytes per second for each connection")
    faults.add_argument(
        "--flip", action="append", default=[], type=_file, metavar=file,
        help="send this file with one bit changed, and announce the digests of the true one",
    )  # fmt: skip
    return parser


def _root(text: str) -> tuple[str, Path]:
    owner, equals, folder = text.partition("=")
    if not equals or not folder or owner in {"api", "cdn"} or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", owner):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER=DIR")
    return owner, Path(folder)


def _repository(text: str) -> str:
    if not re.fullmatch(r"[^/]+/[^/]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/REPO")
    return text


def _file(text: str) -> str:
    if not re.fullmatch(r"[^/]+/[^/]+/.+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/REPO/PATH")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
