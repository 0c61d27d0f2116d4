"""Keys and passwords: made once, shown to nobody who does not need them, or brought."""

from typing import Any

from .conftest import kinds, render

OWN = ("gateway.serviceKey.existingSecret=key", "gateway.serviceKey.trustConfigMap=certificate")


def pod(objects: list[dict[str, Any]], component: str) -> dict[str, Any]:
    (found,) = (i for i in kinds(objects, "Deployment") if i["metadata"]["name"] == f"veriaidpo-{component}")
    return found["spec"]["template"]["spec"]


def secrets(spec: dict[str, Any]) -> set[str]:
    return {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}


def test_what_the_chart_makes_is_long_and_each_its_own() -> None:
    made = {item["metadata"]["name"]: item["stringData"] for item in kinds(render(), "Secret")}
    keys = [made["veriaidpo-gateway"]["jwt-secret-key"], made["veriaidpo-gateway"]["cache-key"]]
    keys += [made["veriaidpo-redis"]["redis-password"], made["veriaidpo-postgresql"]["postgres-password"]]
    assert len(set(keys)) == 4
    assert min(map(len, keys)) >= 32
    assert "PRIVATE KEY" in made["veriaidpo-service-key"]["tls.key"]


def test_a_service_key_of_ones_own_is_all_there_is() -> None:
    objects = render(*OWN)
    names = {item["metadata"]["name"] for item in objects}
    assert not names & {"veriaidpo-service-key", "veriaidpo-service-trust"}
    assert "key" in secrets(pod(objects, "gateway"))
    env = {one["name"]: one.get("value") for one in pod(objects, "operator")["containers"][0]["env"]}
    assert env["SERVICE_TRUST_CONFIGMAP"] == "certificate"


def test_keys_of_ones_own_are_all_there_is() -> None:
    objects = render("gateway.existingSecret=mine")
    assert "veriaidpo-gateway" not in {item["metadata"]["name"] for item in kinds(objects, "Secret")}
    assert "mine" in secrets(pod(objects, "gateway"))


def test_nothing_secret_is_in_a_pod_or_a_configmap() -> None:
    objects = render("demoHub.enabled=true")
    values = [v for s in kinds(objects, "Secret") for v in s["stringData"].values() if len(v) >= 32]
    rest = str([item for item in objects if item["kind"] != "Secret"])
    # The certificate of the service key is public, and shown to predictors.
    assert [v for v in values if v in rest and "CERTIFICATE" not in v] == []
