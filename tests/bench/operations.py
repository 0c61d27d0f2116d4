"""What it takes to operate the product, as rows of a table: of what the suite kept, and of what is counted.

Pure; operations_bench reads and writes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]
"""What build/operations.json holds."""

Row = Mapping[str, Any]

_VALUE = re.compile(r"^\| `[^`]+` \| ([^|]*[^| ]) \| .* \| (.*)\|$", re.MULTILINE)


def values(readme: str) -> dict[str, int]:
    """Count the values of the chart's README, and those of which it says what they are."""
    meanings = [found[2].strip() for found in _VALUE.finditer(readme)]
    return {"values": len(meanings), "documented": sum(map(bool, meanings))}


def rows(body: Body) -> Iterator[Row]:
    """Give a row for what was kept or counted and no other table tells."""
    for key, (what, how, said) in _ROWS.items():
        if key in body:
            yield {"id": what, "figure": said(body[key]), "how": how}


def _of_requests(one: Body) -> str:
    return f"{one['failed']} of {one['sent']:,} requests failed"


def _seconds(figure: float) -> str:
    return f"{figure} s"


def _rotations(found: Body) -> str:
    return "; ".join(f"{what}: {_of_requests(one)}" for what, one in found.items())


def _offline(one: Body) -> str:
    return (
        f"{one['archive_mb']:,} MB; made in {one['make_seconds']} s, verified and loaded in "
        f"{one['load_seconds']} s, installed in {one['install_seconds']} s"
    )


def _megabytes(found: Body) -> str:
    return ", ".join(f"{name} {size} MB" for name, size in found.items())


_ROWS: Mapping[str, tuple[str, str, Callable[[Any], str]]] = {
    "install_seconds": (
        "`helm install` to the last of twelve Models Ready",
        "tests/e2e/conftest.py, images on the node",
        _seconds,
    ),
    "upgrade": ("upgrade from the version before", "tests/e2e/test_9_upgrade.py", _of_requests),
    "rollback": ("the way back", "tests/e2e/test_9_upgrade.py", _of_requests),
    "rotation": ("keys and passwords changed", "tests/e2e/test_6_rotation.py", _rotations),
    "backup_seconds": (
        "backup of thirteen Models with their volumes",
        "tests/e2e/test_8_backup.py",
        _seconds,
    ),
    "restore_seconds": (
        "restore of it, to the last of them answering",
        "tests/e2e/test_8_backup.py, no byte from the hub",
        _seconds,
    ),
    "images_mb": ("images, unpacked", "tests/e2e/test_2_images.py, du inside a pod", _megabytes),
    "offline": ("an archive for a cluster without a way out", "tests/e2e/test_z_offline.py", _offline),
    "alerts": (
        "alerts that are tried, firing and silent",
        "tests/chart/test_monitoring.py, by promtool",
        lambda found: f"{found['tested']} of {found['defined']}",
    ),
    "values": (
        "values of the chart that are explained",
        "`make verify-values`",
        lambda found: f"{found['documented']} of {found['values']}",
    ),
    "verbs": (
        "verbs that are granted and were used",
        "`hack/rights`, by the API server's audit log",
        lambda found: f"{found['used']} of {found['granted']}",
    ),
}
