"""What it takes to operate the product, into docs/performance.md: what the suite kept, and what is counted.

    python -m bench.operations_bench

Measures nothing: build/operations.json has what was measured last, and a row without a new figure stays.
"""

import yaml
from bench import operations
from tables import OPERATIONS, REPO, kept

_CHART = REPO / "charts/veriaidpo"


def main() -> None:
    """Count, keep, and write."""
    rules = (_CHART / "templates/monitoring/rules.yaml").read_text()
    cases = yaml.safe_load((REPO / "tests/chart/alerts.yaml").read_text())
    with kept("operations") as body:
        body["alerts"] = operations.alerts(rules, cases)
        body["values"] = operations.values((_CHART / "README.md").read_text())
        found = list(operations.rows(body))
    page = REPO / OPERATIONS.page
    page.write_text(OPERATIONS.with_rows(page.read_text(), found))
    for row in found:
        print(f"{row['id']}: {row['figure']}")


if __name__ == "__main__":
    main()
