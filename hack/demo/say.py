"""Progress for the person who waits; standard output stays free for what was asked for."""

import sys


def say(line: str) -> None:
    """Print a line to standard error."""
    print(line, file=sys.stderr)
