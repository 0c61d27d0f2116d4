"""Prints each object of a rendered chart (stdin) without what says that a release of Helm has it."""

import sys
from typing import Any

import yaml

_OF_HELM = {"app.kubernetes.io/managed-by": "Helm"}


def without_helm(item: Any) -> Any:
    """Return an object, or a part of it, without Helm's own labels and annotations."""
    if isinstance(item, list):
        return [without_helm(one) for one in item]
    if not isinstance(item, dict):
        return item
    kept = {key: without_helm(value) for key, value in item.items() if not _is_helms(key, value)}
    return {key: value for key, value in kept.items() if key != "annotations" or value}


def _is_helms(key: str, value: Any) -> bool:
    return key.startswith("helm.sh/") or _OF_HELM.get(key) == value


def main() -> None:
    """Print them in the order of the chart."""
    objects = [without_helm(item) for item in yaml.safe_load_all(sys.stdin) if item is not None]
    print("# Rendered from charts/veriaidpo with values.yaml: make manifests.")
    print(yaml.safe_dump_all(objects, allow_unicode=True, sort_keys=False, width=110), end="")


if __name__ == "__main__":
    main()
