"""What it takes to operate the product, into docs/performance.md: what the suite kept, and what is counted.

    python -m bench.operations_bench

Measures nothing: build/operations.json has what was measured last, and a row without a new figure stays.
Alerts are tried, by promtool; where there is none, their row stays.
"""

import subprocess

from bench import operations
from tables import OPERATIONS, REPO, kept

_CHART = REPO / "charts/veriaidpo"


def try_alerts() -> None:
    """Have every alert tried; the test keeps its figures where all of them passed."""
    script = 'exec "$(hack/env tools)/bin/pytest" -q tests/chart/test_monitoring.py -k every_alert_fires'
    subprocess.run(["bash", "-c", script], cwd=REPO, check=False)


def main() -> None:
    """Count, keep, and write."""
    try_alerts()
    with kept("operations") as body:
        body["values"] = operations.values((_CHART / "README.md").read_text())
        found = list(operations.rows(body))
    page = REPO / OPERATIONS.page
    page.write_text(OPERATIONS.with_rows(page.read_text(), found))
    for row in found:
        print(f"{row['id']}: {row['figure']}")


if __name__ == "__main__":
    main()
