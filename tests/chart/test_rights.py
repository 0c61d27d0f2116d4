"""What each of the product's accounts may do, as one table: a right more, or one less, is seen there."""

from pathlib import Path
from typing import Any

import yaml

TABLE = yaml.safe_load((Path(__file__).parent / "rights.yaml").read_text())


def granted(objects: list[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """By account and resource.group (and /name where one is named): the verbs."""
    rules = {
        (item["kind"], item["metadata"]["name"]): item["rules"]
        for item in objects
        if item["kind"] in {"Role", "ClusterRole"}
    }
    found: dict[str, dict[str, list[str]]] = {}
    for binding in objects:
        if binding["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        (subject,) = binding["subjects"]
        assert subject["kind"] == "ServiceAccount"
        assert subject["namespace"] == "aidpo"
        mine = found.setdefault(subject["name"], {})
        for rule in rules[binding["roleRef"]["kind"], binding["roleRef"]["name"]]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    name = ".".join(part for part in (resource, group) if part)
                    for one in rule.get("resourceNames", [""]):
                        key = f"{name}/{one}" if one else name
                        mine[key] = sorted({*mine.get(key, []), *rule["verbs"]})
    return found


def test_the_table_says_all_that_is_granted(demo: list[dict[str, Any]]) -> None:
    assert granted(demo) == TABLE


def test_every_account_that_is_bound_is_one_of_the_release(demo: list[dict[str, Any]]) -> None:
    accounts = {item["metadata"]["name"] for item in demo if item["kind"] == "ServiceAccount"}
    assert accounts == set(TABLE)
