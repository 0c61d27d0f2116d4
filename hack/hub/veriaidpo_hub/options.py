"""The options of the command line."""

import argparse
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_EPILOG = """\
DIR/<repo>/ is served as the branch main of the model repository OWNER/<repo>, DIR/<repo>@<branch>/ as another
branch of it. Folders may change while this runs. /healthz answers 200, /metrics counts requests and bytes.

Clients find it by HF_ENDPOINT:
  python -m veriaidpo_hub --root veriaidpo-demo=hack/demo/models &
  HF_ENDPOINT=http://127.0.0.1:8090 hf download veriaidpo-demo/principles-vi
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser of a hub's options."""
    made = argparse.ArgumentParser(
        prog="python -m veriaidpo_hub",
        description="Serves folders over the Hugging Face hub's protocol, for demonstrations and tests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
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
    faults = made.add_argument_group("made to fail")
    faults.add_argument("--rate", type=_count, metavar="BYTES", help="bytes per second for each connection")
    faults.add_argument(
        "--flip", action="append", default=[], type=_file, metavar=file,
        help="send this file with one bit changed, and announce the digests of the true one",
    )  # fmt: skip
    faults.add_argument(
        "--cut", action="append", default=[], type=_file, metavar=file,
        help="close the connection in the middle of this file; what is asked for from there on is sent",
    )  # fmt: skip
    faults.add_argument(
        "--stall", action="append", default=[], type=_of_file(_count), metavar=f"{file}=SECONDS",
        help="say nothing for so long in the middle of this file",
    )  # fmt: skip
    faults.add_argument(
        "--claim", action="append", default=[], type=_of_file(_count), metavar=f"{file}=BYTES",
        help="list this file with another size than it has",
    )  # fmt: skip
    faults.add_argument(
        "--redirect", action="append", default=[], type=_of_file(str), metavar=f"{file}=URL",
        help="say that this file is at another address",
    )  # fmt: skip
    faults.add_argument(
        "--refuse", action="append", default=[], type=_refusal, metavar=f"{repository}=STATUS",
        help="answer everything about this repository with an error, 400 to 599",
    )  # fmt: skip
    return made


def _of_file(read: Callable[[str], T]) -> Callable[[str], tuple[str, T]]:
    def pair(text: str) -> tuple[str, T]:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/REPO/PATH=VALUE")
        return _file(name), read(value)

    return pair


def _refusal(text: str) -> tuple[str, int]:
    name, _, status = text.partition("=")
    if status not in {str(one.value) for one in HTTPStatus if one >= 400}:
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/REPO=STATUS, with a status from 400 to 599")
    return _repository(name), int(status)


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
