"""Writes the bill of materials of the image it runs in, in CycloneDX: its own packages and Debian's.

Usage: write_sbom.py NAME ENVIRONMENT, as in `veriaidpo-fetch /opt/veriaidpo`. The bill goes to
ENVIRONMENT/sbom.cdx.json, the same for the same packages: its time is SOURCE_DATE_EPOCH (seconds since 1970),
its number goes by what is in it. cyclonedx-py and debsbom read what is installed. They are in the environment
this runs in, which is laid beside the image for this step alone. Exits 1 and names it where one is missing.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

TOOLS = Path(sys.executable).parent
DPKG = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\\n"]
INSTALLED = "import importlib.metadata as m; [print(one.name, one.version) for one in m.distributions()]"


def said(*command: str) -> str:
    """Run a command; return what it said, with what it complained of left to the build's log."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def tool(name: str, *arguments: str) -> None:
    """Run a program of this environment."""
    said(str(TOOLS / name), *arguments)


def of_python(environment: Path, folder: Path) -> Path:
    """Write into the folder which packages a Python environment has; return the file."""
    python, packages = environment / "bin/python", folder / "python.cdx.json"
    version = said(str(python), "-c", "import sys; print(sys.version.split()[0])").strip()
    # What the packages belong to: merging wants a root of each part.
    root = folder / "root.toml"
    root.write_text(f'[project]\nname = "python"\nversion = "{version}"\n', "utf-8")
    found = ("--pyproject", str(root), "--output-reproducible", "--output-file", str(packages))
    tool("cyclonedx-py", "environment", str(python), *found)
    return packages


def write(name: str, environment: Path) -> Path:
    """Have both tools look, and put what they found into one bill."""
    bill = environment / "sbom.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        packages, debian = str(of_python(environment, Path(folder))), f"{folder}/debian.cdx.json"
        kind = ("--sbom-type", "cdx", "--timestamp", made_at())
        number = ("--cdx-serialnumber", str(uuid.UUID(int=0)))
        tool("debsbom", "generate", *kind, *number, "--no-recommends-deps", "--out", debian)
        both = "".join(Path(one).read_text("utf-8") for one in (debian, packages))
        number = ("--cdx-serialnumber", str(uuid.uuid5(uuid.NAMESPACE_OID, name + both)))
        tool("debsbom", "merge", *kind, *number, "--distro-name", name, "--out", str(bill), debian, packages)
    return bill


def made_at() -> str:
    """Give the time that the bill has, in ISO 8601."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    return (datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC)).isoformat()


def normal(name: str) -> str:
    """Give a package's name in the one way in which all of its spellings are equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def missing(bill: dict[str, Any], environment: Path) -> list[str]:
    """Give what is installed and not on the bill: `pypi numpy 2.5.5`, `deb libc6 2.41-12`."""
    listed = set()
    for one in bill["components"]:
        # What was installed from a file, as the product is, has no address in any registry.
        address = one.get("purl", "pkg:pypi/")
        if "arch=source" not in address:
            listed.add((address.removeprefix("pkg:").split("/")[0], normal(one["name"]), one.get("version")))
    python = str(environment / "bin/python")
    found = [("pypi", *line.split()) for line in said(python, "-c", INSTALLED).splitlines()]
    found += [
        ("deb", *line.split()[1:]) for line in said(*DPKG).splitlines() if line.startswith("installed ")
    ]
    there = [(kind, normal(name), version) for kind, name, version in found]
    return [" ".join(one) for one in there if one not in listed]


def main(name: str, environment: Path) -> int:
    """Write the bill and hold it against the image; return the exit code."""
    bill = write(name, environment)
    text = bill.read_text("utf-8")
    if error := JsonStrictValidator(SchemaVersion.V1_7).validate_str(text):
        print(f"{bill} is no CycloneDX: {error}", file=sys.stderr)
        return 1
    if left_out := missing(json.loads(text), environment):
        print(f"{bill} does not name {', '.join(left_out)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
