"""Prints the commands of a program with their help, as JSON: {"veriaidpo-gateway token": "print a token …"}.

Usage: list_commands.py PACKAGE, in the environment the package is installed in.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from importlib import import_module


def leaves(parser: argparse.ArgumentParser, help_: str = "") -> Iterator[tuple[str, str]]:
    """Yield each command that has no commands of its own, and its help."""
    # argparse tells these to nobody but its own formatter.
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001
    if not groups:
        yield parser.prog, help_
    for group in groups:
        told = {choice.dest: choice.help or "" for choice in group._choices_actions}  # noqa: SLF001
        for name, command in group.choices.items():
            yield from leaves(command, told.get(name, ""))


if __name__ == "__main__":
    program = import_module(f"{sys.argv[1]}.__main__")
    json.dump(dict(leaves(program._parser())), sys.stdout)  # noqa: SLF001  (main would run it)
