"""veriaidpo-predictor: fetch a model onto a volume, verify it, serve it.

Each command imports only what it needs: fetch runs where neither kserve nor onnxruntime is installed.
"""

# ruff: noqa: PLC0415  imports wait until their command is known
import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from veriaidpo_predictor import logs
from veriaidpo_predictor.arguments import parser as _parser

if TYPE_CHECKING:
    from veriaidpo_predictor.manifest import Manifest


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    arguments = _parser().parse_args(argv)
    # The first process of a container ignores the signals that it does not handle.
    signal.signal(signal.SIGTERM, _terminate)
    logs.configure()
    command: str = arguments.command
    if command == "serve":
        return _serve(arguments)
    if command == "fetch":
        return _fetch(arguments)
    if command == "gc":
        return _collect(arguments)
    return _verify(arguments) if command == "verify" else _list(arguments)


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _serve(arguments: argparse.Namespace) -> int:
    from veriaidpo_predictor import tracing
    from veriaidpo_predictor.serving import serve

    trust = arguments.trust or os.environ.get("SERVICE_TRUST_FILE")
    given = arguments.threads or os.environ.get("PREDICTOR_THREADS") or len(os.sched_getaffinity(0))
    try:
        options = serve.Options(
            directories=tuple(arguments.directory),
            models=arguments.models,
            unfinished=arguments.unfinished,
            root=arguments.root,
            host=arguments.host,
            port=arguments.port,
            trust=None if arguments.no_auth or not trust else Path(trust),
            no_auth=arguments.no_auth,
            threads=int(given),
            drain_seconds=arguments.drain,
            recheck_seconds=max(1.0, arguments.recheck),
            traces=tracing.settings(os.environ),
        )
    except tracing.SettingsError as error:
        print(f"veriaidpo-predictor: {error}", file=sys.stderr)
        return 2
    except ValueError:
        print("veriaidpo-predictor: PREDICTOR_THREADS is not a number.", file=sys.stderr)
        return 2
    return serve.run(options)


def _fetch(arguments: argparse.Namespace) -> int:
    from veriaidpo_predictor.fetching import fetch
    from veriaidpo_predictor.fetching.collecting import Keep

    return fetch.run(
        arguments.spec,
        root=arguments.root,
        progress_port=arguments.progress_port,
        attempts=max(1, arguments.attempts),
        keep=Keep(arguments.keep, tuple(arguments.protect), tuple(arguments.drop)),
        read_only=arguments.read_only,
    )


def _verify(arguments: argparse.Namespace) -> int:
    from veriaidpo_predictor import manifest

    def tell(directory: Path, found: "Manifest") -> str:
        manifest.verify(directory, found)
        return f"{found.model} {found.digest} {len(found.files)} files, {found.size} bytes: as published"

    return _tell_each(arguments.directory, tell)


def _list(arguments: argparse.Namespace) -> int:
    def tell(_: Path, found: "Manifest") -> str:
        facts = (found.model, found.digest, found.format, found.size, found.source.commit, found.created_at)
        return "\t".join(map(str, facts))

    return _tell_each(arguments.directory, tell)


def _tell_each(given: Sequence[Path], tell: Callable[[Path, "Manifest"], str]) -> int:
    """Print a line of each revision, and go on where one is not sound; 1 when there was such a one."""
    from veriaidpo_predictor import manifest

    bad = 0
    for directory in _revisions(given):
        try:
            print(tell(directory, manifest.read(directory)))
        except manifest.ManifestError as error:
            print(f"veriaidpo-predictor: {error}", file=sys.stderr)
            bad = 1
    return bad


def _collect(arguments: argparse.Namespace) -> int:
    from veriaidpo_predictor.fetching import collecting

    keep = collecting.Keep(arguments.keep, tuple(arguments.protect), tuple(arguments.drop))
    for folder in [one for given in arguments.directory for one in collecting.models(given)]:
        for digest in collecting.collect(folder, keep):
            print(f"{folder.name} {digest} removed")
    return 0


def _revisions(given: Sequence[Path]) -> list[Path]:
    """Give all revisions of directories; ends the program where there is none."""
    from veriaidpo_predictor import manifest, places

    try:
        return [directory for one in given for directory in places.below(one)]
    except manifest.ManifestError as error:
        print(f"veriaidpo-predictor: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    sys.exit(main())
