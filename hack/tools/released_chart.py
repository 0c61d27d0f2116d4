"""What a release writes into the chart.

released_chart.py changes CHANGELOG VERSION CHART: the changelog's chapter of VERSION, into CHART/Chart.yaml.
released_chart.py digests FILE CHART: lines such as `veriaidpo-hub sha256:…`, into its values and Chart.yaml.

Exits 1 and says why where an image of the product has no digest, or a line names none of the chart's.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_OWN = "veriaidpo-"
_IMAGE = re.compile(r'\{repository: (?P<name>[^,]+), tag: "(?P<tag>[^"]*)", digest: "[^"]*"\}')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_KEY = "artifacthub.io/changes"


class RefusedError(Exception):
    """Why nothing was written; the text is what a person reads."""


def chapter(changelog: str, version: str) -> Iterator[tuple[str, str]]:
    """Give the kind of each change of a version (`added`), and its first sentence."""
    found = re.search(
        rf"^## {re.escape(version)} [^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    for part in re.split(r"^### ", found[1] if found else "", flags=re.MULTILINE)[1:]:
        kind, _, text = part.partition("\n")
        for item in re.split(r"^- ", text, flags=re.MULTILINE)[1:]:
            whole = _LINK.sub(r"\1", " ".join(item.split()))
            yield kind.strip().lower(), re.split(r"(?<=\.) ", whole)[0]


def with_changes(about: str, changelog: str, version: str) -> str:
    """Give Chart.yaml with the changes of a version, last among its annotations, in place of those it had.

    Raises RefusedError where the changelog has none.
    """
    before = re.sub(rf"^  {_KEY}: \|\n(?:    .*\n)*", "", about, flags=re.MULTILINE)
    lines = [
        f"    - kind: {kind}\n      description: {json.dumps(text, ensure_ascii=False)}\n"
        for kind, text in chapter(changelog, version)
    ]
    if not lines:
        raise RefusedError(f"the changelog has no change under {version}")
    return f"{before}  {_KEY}: |\n{''.join(lines)}"


def digests_of(lines: str) -> dict[str, str]:
    """Read a digest for each image, one a line; raises RefusedError where a line is something else."""
    found = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        name, _, digest = line.partition(" ")
        if not _DIGEST.fullmatch(digest.strip()):
            raise RefusedError(f"'{line}' is no line such as veriaidpo-gateway sha256:…")
        found[name] = digest.strip()
    return found


def with_digests(values: str, about: str, digests: dict[str, str]) -> tuple[str, str]:
    """Give values and Chart.yaml that name images by digest.

    Raises RefusedError where an image of the product has none, or a digest is of no image.
    """
    names = {found["name"] for found in _IMAGE.finditer(values)}
    if missing := sorted(name for name in names - digests.keys() if name.startswith(_OWN)):
        raise RefusedError(f"there is no digest of {', '.join(missing)}")
    if others := sorted(digests.keys() - names):
        raise RefusedError(f"the chart has no image {', '.join(others)}")

    def one(found: re.Match[str]) -> str:
        name = found["name"]
        digest = digests.get(name, "")
        return f'{{repository: {name}, tag: "{found["tag"]}", digest: "{digest}"}}'

    for name, digest in digests.items():
        about = re.sub(rf"^(      image: {re.escape(name)}):\S+$", rf"\1@{digest}", about, flags=re.MULTILINE)
    return _IMAGE.sub(one, values), about


def main(command: str, *arguments: str) -> None:
    """Write what is asked for."""
    chart = Path(arguments[-1])
    about, values = chart / "Chart.yaml", chart / "values.yaml"
    if command == "changes":
        changelog, version, _ = arguments
        about.write_text(with_changes(about.read_text("utf-8"), Path(changelog).read_text("utf-8"), version))
        return
    file, _ = arguments
    found = with_digests(
        values.read_text("utf-8"), about.read_text("utf-8"), digests_of(Path(file).read_text("utf-8"))
    )
    for path, text in zip((values, about), found, strict=True):
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RefusedError as refused:
        sys.exit(str(refused))
