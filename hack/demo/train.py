#!/usr/bin/env python3
"""Makes the demonstration models: grammar -> tokenizer -> network -> ONNX -> figures -> golden sentences.

    hack/demo/train.py all                  everything, from the templates to docs/demo-models.md
    hack/demo/train.py model principles-vi  one model's folder, figures and golden sentences
    hack/demo/train.py check principles-vi  trains it again and tells which of its files come out otherwise
    hack/demo/train.py golden principles-vi chooses its golden sentences anew and measures it; trains nothing
    hack/demo/train.py report               docs/demo-models.md, from the figures of the last runs
    hack/demo/train.py calibration          all calibration sentences, from the templates; trains nothing
    hack/demo/train.py rows principles-vi   some training rows, to read
    hack/demo/train.py judge principles-vi  how far its templates go, in seconds, by the baseline

Runs in the environment of hack/demo/requirements.txt, on the processor alone, with fixed seeds.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Read when ONNX Runtime is imported: without it the library reports its use to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent))

from specs import SPECS

_FOR_ONE = {
    "model": "make one model",
    "check": "train one again and compare",
    "golden": "choose the golden sentences of one",
    "rows": "print some training rows",
    "judge": "tell how far its templates go",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says."""
    options = _parser().parse_args(argv)
    if options.command == "rows":
        from rows import print_rows  # noqa: PLC0415  # these imports cost seconds that --help need not take

        print_rows(SPECS[options.name])
        return 0
    if options.command == "calibration":
        from calibration import write  # noqa: PLC0415

        write()
        return 0
    if options.command == "judge":
        from judge import judge  # noqa: PLC0415

        return judge(SPECS[options.name])
    from making import check, choose, make  # noqa: PLC0415
    from report import write_report  # noqa: PLC0415

    if options.command == "check":
        check(SPECS[options.name], threads=options.threads)
    elif options.command == "golden":
        choose(SPECS[options.name])
    elif options.command != "report":
        for name in SPECS if options.command == "all" else [options.name]:
            make(SPECS[name], threads=options.threads)
    return write_report()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="processor threads (default 1, best so when shared)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("all", help="make every model and the report")
    commands.add_parser("calibration", help="write the calibration sentences of every classifier")
    commands.add_parser("report", help="write docs/demo-models.md from the last figures")
    for command, text in _FOR_ONE.items():
        commands.add_parser(command, help=text).add_argument("name", choices=sorted(SPECS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
