"""Adds up the JUnit files of a folder, and ends with the line that says how many passed and failed.

Usage: count_results.py FOLDER FAILED_PARTS. A part that failed without any failed test counts as one failure,
so that nothing red can look green. Exits 1 when anything failed or nothing ran.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def main(folder: Path, failed_parts: int) -> int:
    """Print the counts; return the exit code."""
    passed = failed = skipped = 0
    for file in sorted(folder.glob("*.xml")):
        for suite in ET.parse(file).getroot().iter("testsuite"):  # noqa: S314 - written by pytest a moment ago
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            out = int(suite.get("skipped", 0))
            failed, skipped = failed + bad, skipped + out
            passed += int(suite.get("tests", 0)) - bad - out
    failed = max(failed, failed_parts)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
