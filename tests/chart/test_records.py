"""Decision records: where they go, with whose keys, and what waits while the database is away."""

from typing import Any

import pytest

from .conftest import RenderError, render


def gateway(*settings: str) -> dict[str, Any]:
    [pod] = [
        item["spec"]["template"]["spec"]
        for item in render(*settings)
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "veriaidpo-gateway"
    ]
    return dict(pod)


def environment(pod: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}


def test_answers_are_recorded_where_there_is_a_database() -> None:
    said = environment(gateway())
    assert said["RECORDS"] == "true"
    assert said["RECORDS_WHEN_FULL"] == "count"
    assert said["RECORDS_RETENTION_DAYS"] == "0"


@pytest.mark.parametrize(
    "settings", [["records.enabled=false"], ["postgresql.enabled=false", "gateway.replicas=1"]]
)
def test_and_nothing_of_them_is_there_where_they_are_not(settings: list[str]) -> None:
    pod = gateway(*settings)
    assert not [name for name in environment(pod) if name.startswith("RECORDS")]
    assert not [volume for volume in pod["volumes"] if volume["name"].startswith("records")]


def test_what_waits_has_a_disk_that_is_large_enough() -> None:
    pod = gateway("records.spoolMegabytes=100")
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "records-spool"]
    assert volume["emptyDir"] == {"sizeLimit": "200Mi"}
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "records-spool"]
    assert mount["mountPath"] == environment(pod)["RECORDS_SPOOL_DIR"]


def test_keys_of_their_own_are_all_that_is_shown_of_their_secret() -> None:
    pod = gateway("records.existingSecret=mine")
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "records"]
    assert volume["secret"]["secretName"] == "mine"
    assert {item["key"] for item in volume["secret"]["items"]} == {"hash-key", "tls.key"}
    assert environment(pod)["RECORDS_SIGNING_KEY_FILE"] == "/etc/veriaidpo/records/tls.key"


def test_what_is_impossible_is_refused() -> None:
    for wrong in ("records.whenFull=forget", "records.spoolMegabytes=0", "records.retentionDays=-1"):
        with pytest.raises(RenderError, match="records"):
            render(wrong)


KEYS = ("veriaidpo-gateway", "veriaidpo-service-key")


def kept(*settings: str) -> set[str]:
    """Which Secrets of keys stay when the release goes."""
    return {
        item["metadata"]["name"]
        for item in render(*settings)
        if item["kind"] == "Secret"
        and item["metadata"]["name"] in KEYS
        and item["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }


@pytest.mark.parametrize(
    ("settings", "stay"),
    [
        ([], set(KEYS)),
        (["postgresql.enabled=false", "postgresql.existingSecret=mine"], set(KEYS)),
        (["gateway.existingSecret=mine"], {"veriaidpo-service-key"}),
        (["records.existingSecret=mine"], set()),
        (["records.enabled=false"], set()),
        (["postgresql.enabled=false", "gateway.replicas=1"], set()),
    ],
)
def test_the_keys_of_records_outlive_the_release_as_the_records_do(
    settings: list[str], stay: set[str]
) -> None:
    assert kept(*settings) == stay


@pytest.mark.parametrize("companies", [[], ["postgresql.enabled=false", "gateway.replicas=1"]])
def test_records_may_have_a_database_of_their_own(companies: list[str]) -> None:
    pod = gateway("records.databaseSecret=archive", *companies)
    said = environment(pod)
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "record-database"]
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "record-database"]
    assert volume["secret"]["secretName"] == "archive"
    assert [item["key"] for item in volume["secret"]["items"]] == ["database-url"]
    assert said["RECORDS_DATABASE_URL_FILE"] == f"{mount['mountPath']}/database-url"
    assert said["RECORDS"] == "true"
    assert ("DATABASE_URL_FILE" in said) is not bool(companies)
    assert kept("records.databaseSecret=archive", *companies) == set(KEYS)


def test_a_database_for_records_that_are_not_kept_is_refused() -> None:
    with pytest.raises(RenderError, match=r"records\.databaseSecret"):
        render("records.databaseSecret=archive", "records.enabled=false")


def test_network_policies_have_to_let_gateways_to_it() -> None:
    policies = "networkPolicy.enabled=true"
    with pytest.raises(RenderError, match="gatewayTo"):
        render("records.databaseSecret=archive", policies)
