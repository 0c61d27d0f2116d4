#!/usr/bin/env python3
"""Makes the demonstration models: grammar -> tokenizer -> network -> ONNX -> figures -> golden sentences.

    hack/demo/train.py all                 everything, from the templates to docs/demo-models.md
    hack/demo/train.py model principles-vi one model's folder, figures and golden sentences
    hack/demo/train.py report              docs/demo-models.md from the figures of the last run
    hack/demo/train.py rows principles-vi  some training rows, to read

Runs in the environment of hack/demo/requirements.txt, on the processor alone, with fixed seeds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from specs import SPECS


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("all", help="make every model and the report")
    commands.add_parser("report", help="write docs/demo-models.md from the last figures")
    for command, text in (("model", "make one model"), ("rows", "print some training rows")):
        commands.add_parser(command, help=text).add_argument("name", choices=sorted(SPECS))
    options = parser.parse_args(argv)
    if options.command == "rows":
        from rows import print_rows  # noqa: PLC0415  # these imports cost seconds that --help need not take

        print_rows(SPECS[options.name])
        return 0
    from making import make  # noqa: PLC0415
    from report import write_report  # noqa: PLC0415

    names = {"all": list(SPECS), "model": [getattr(options, "name", "")], "report": []}[options.command]
    for name in names:
        make(SPECS[name], threads=options.threads)
    write_report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
