"""The command line: which commands there are, and what each is told."""

import argparse
from pathlib import Path

from veriaidpo_predictor.outcome import Reason


def parser() -> argparse.ArgumentParser:
    """Give what reads a command line."""
    program = argparse.ArgumentParser(
        prog="veriaidpo-predictor", description="Download a model onto a volume, verify it, serve it."
    )
    commands = program.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_fetch(commands)
    verify = commands.add_parser("verify", help="compare every byte of a revision with its manifest")
    listing = commands.add_parser("list", help="list the published revisions of a volume")
    collecting = commands.add_parser("gc", help="remove old revisions of a model from a volume")
    for command in (verify, listing):
        command.add_argument(
            "directory", nargs="+", type=Path, metavar="DIR", help="a revision, a model's folder, or a volume"
        )
    collecting.add_argument(
        "directory",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="a model's folder, ROOT/models/NAME, or a volume",
    )
    _add_keep(collecting, required=True)
    return program


def _add_keep(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--keep",
        type=int,
        default=0,
        required=required,
        metavar="N",
        help="leave the N newest revisions; 0: all",
    )
    parser.add_argument(
        "--protect",
        action="append",
        default=[],
        metavar="DIGEST",
        help="leave this one too; the first 12 digits do, and it may be given several times",
    )
    parser.add_argument(
        "--drop", action="append", default=[], metavar="DIGEST", help="remove this one in any case"
    )


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser(
        "serve",
        help="answer KServe's V1 and V2 protocols for one or more revisions",
        epilog="For example: %(prog)s /mnt/models/models/principles-vi --trust /etc/trust/tls.crt",
    )
    serve.add_argument(
        "directory",
        nargs="*",
        type=Path,
        metavar="DIR",
        help="a revision directory, or ROOT/models/NAME when it has exactly one revision",
    )
    serve.add_argument(
        "--models",
        type=Path,
        metavar="FOLDER",
        help="instead of directories: a folder with a file for each model, named as it is, that holds the "
        "digest of its revision, and may hold a number after it: another one has that revision tried again. "
        "It is followed as it changes",
    )
    serve.add_argument(
        "--unfinished",
        type=Path,
        metavar="FOLDER",
        help="with --models: remember here what is loading; what ended a process twice waits for an hour",
    )
    serve.add_argument(
        "--root", type=Path, default=Path("/mnt/models"), help="the volume of those models (%(default)s)"
    )
    serve.add_argument("--host", default="0.0.0.0", help="address to listen on (%(default)s)")  # noqa: S104
    serve.add_argument("--port", type=int, default=8080, help="port to listen on (%(default)s)")
    who = serve.add_mutually_exclusive_group()
    who.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="public keys or certificates (PEM) of the gateways that may ask; otherwise $SERVICE_TRUST_FILE",
    )
    who.add_argument(
        "--no-auth", action="store_true", help="answer anybody, without a service token: only for trying out"
    )
    serve.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="cores to compute with; otherwise $PREDICTOR_THREADS, or all that this process may use",
    )
    serve.add_argument(
        "--drain",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how long to go on answering after SIGTERM, while reporting unready (%(default)g)",
    )
    serve.add_argument(
        "--recheck",
        type=float,
        default=3_600.0,
        metavar="SECONDS",
        help="how often to hold the files that are served against their manifest again (%(default)g)",
    )


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    failures = ", ".join(f"{reason.exit_code} {reason.text}" for reason in Reason)
    fetch = commands.add_parser(
        "fetch",
        help="download a model, verify every byte and publish it as a revision",
        description="The hub is $HF_ENDPOINT; its token, if it needs one, is $HUGGINGFACE_TOKEN or the "
        "content of $HUGGINGFACE_TOKEN_FILE. $SOURCE_SECRET_DIR has what other sources want (token, or "
        "access-key-id and secret-access-key), $SOURCE_CA_FILE a CA, $SOURCE_CLAIM_DIR the claim of pvc://. "
        "$SOURCE_SCHEMES, $SOURCE_HOSTS and $SOURCE_HOSTS_INSIDE say what may be asked. "
        "The end is one line of JSON on stdout and in $TERMINATION_LOG.",
        epilog=f"Exit codes: 0 published or adopted, {failures}.",
    )
    fetch.add_argument(
        "--spec",
        metavar="FILE",
        help="what to download, as JSON; - for standard input, otherwise $FETCH_SPEC",
    )
    fetch.add_argument("--root", type=Path, default=Path("/mnt/models"), help="the volume (%(default)s)")
    fetch.add_argument(
        "--progress-port", type=int, metavar="PORT", help="tell the progress at http://…:PORT/progress"
    )
    fetch.add_argument(
        "--attempts",
        type=int,
        default=7,
        metavar="N",
        help="how often to ask the source without getting a byte further (%(default)s: at most a minute of "
        "pauses, besides those that the source asks for)",
    )
    fetch.add_argument(
        "--read-only",
        action="store_true",
        help="the volume cannot be written to: adopt what is published on it, and ask no source",
    )
    _add_keep(fetch, required=False)
