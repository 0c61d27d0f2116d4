"""What every pod and every right of the chart must be, asserted on what helm renders."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from .conftest import REPO, kinds, pods, render

Network: TypeAlias = IPv4Network | IPv6Network


def test_every_pod_meets_pod_security_restricted(installation: list[dict[str, Any]]) -> None:
    for name, pod in pods(installation):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        for container in pod["containers"] + pod.get("initContainers", []):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
        for volume in pod.get("volumes", []):
            assert "hostPath" not in volume, name
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], name


def test_only_who_needs_the_api_server_has_a_token(installation: list[dict[str, Any]]) -> None:
    found = pods(installation)
    with_token = {name for name, pod in found if pod.get("automountServiceAccountToken") is not False}
    upgrade = {item["metadata"]["name"] for item in kinds(installation, "Job")}
    assert with_token == {"veriaidpo-gateway", "veriaidpo-operator"} | upgrade
    assert upgrade <= {"veriaidpo-crd-upgrade"}


def test_no_secret_is_in_an_environment_variable(installation: list[dict[str, Any]]) -> None:
    for name, pod in pods(installation):
        for container in pod["containers"]:
            for variable in container.get("env", []):
                assert "secretKeyRef" not in variable.get("valueFrom", {}), (name, variable["name"])


def granted(items: list[dict[str, Any]], role: str) -> set[str]:
    """What a release adds to one of the cluster's own roles, as `verb resource`."""
    label = f"rbac.authorization.k8s.io/aggregate-to-{role}"
    added = [item for item in items if item["metadata"].get("labels", {}).get(label) == "true"]
    rules = [rule for item in added for rule in item["rules"]]
    assert {group for rule in rules for group in rule["apiGroups"]} == {"veriaidpo.verisyntra.vn"}
    return {f"{verb} {one}" for rule in rules for verb in rule["verbs"] for one in rule["resources"]}


def test_who_may_view_or_edit_a_namespace_may_view_or_edit_its_models(demo: list[dict[str, Any]]) -> None:
    view, edit, admin = (granted(demo, role) for role in ("view", "edit", "admin"))
    assert {word.split()[0] for word in view} == {"get", "list", "watch"}
    assert edit == admin
    assert edit > view | {"create models", "patch models", "delete models"}
    assert "patch models/status" not in edit, "a status is the operator's to write"


def test_rights_are_namespaced_and_named(demo: list[dict[str, Any]]) -> None:
    for item in demo:
        if item["kind"] in {"Role", "ClusterRole"}:
            for rule in item["rules"]:
                assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
                assert "secrets" not in rule["resources"]
                assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
    aggregated = {
        item["metadata"]["name"]: item
        for item in demo
        if item["kind"] == "ClusterRole" and "rbac.authorization.k8s.io" in str(item["metadata"]["labels"])
    }
    [cluster_wide] = [
        item for item in demo if item["kind"] == "ClusterRole" and item["metadata"]["name"] not in aggregated
    ]
    assert cluster_wide["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    assert cluster_wide["rules"] == [
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": ["models.veriaidpo.verisyntra.vn"],
            "verbs": ["get", "patch"],
        }
    ]


def test_the_gateway_reads_models_and_nothing_else(demo: list[dict[str, Any]]) -> None:
    [role] = [i for i in demo if i["kind"] == "Role" and i["metadata"]["name"] == "veriaidpo-gateway"]
    assert role["rules"] == [
        {"apiGroups": ["veriaidpo.verisyntra.vn"], "resources": ["models"], "verbs": ["list", "watch"]}
    ]


def test_the_private_service_key_is_mounted_by_the_gateway_alone(demo: list[dict[str, Any]]) -> None:
    holders = {
        name
        for name, pod in pods(demo)
        for volume in pod.get("volumes", [])
        if volume.get("secret", {}).get("secretName") == "veriaidpo-service-key"
    }
    assert holders == {"veriaidpo-gateway"}


def test_predictors_are_shown_the_certificate_of_that_key() -> None:
    objects = render()
    [secret] = [
        i for i in objects if i["kind"] == "Secret" and i["metadata"]["name"] == "veriaidpo-service-key"
    ]
    [trust] = [i for i in objects if i["metadata"]["name"] == "veriaidpo-service-trust"]
    assert trust["data"]["tls.crt"] == secret["stringData"]["tls.crt"]
    assert "PRIVATE" not in str(trust)


def test_the_inner_port_is_not_behind_the_ingress_or_the_service(demo: list[dict[str, Any]]) -> None:
    [service] = [i for i in demo if i["kind"] == "Service" and i["metadata"]["name"] == "veriaidpo-gateway"]
    assert [port["port"] for port in service["spec"]["ports"]] == [8001]


MIRROR = [
    "sources.networkPolicy.enabled=true",
    "sources.networkPolicy.also[0].to[0].ipBlock.cidr=10.1.2.3/32",
    "sources.networkPolicy.also[0].ports[0].port=8443",
]


def test_fetch_pods_are_walled_in_where_it_is_asked_for() -> None:
    kind = "NetworkPolicy"
    assert [item for item in render() if item["kind"] == kind] == []
    [policy] = [item["spec"] for item in render(*MIRROR) if item["kind"] == kind]
    assert policy["policyTypes"] == ["Egress"]
    assert policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "fetch"
    names, internet, mirror = policy["egress"]
    assert {(port["protocol"], port["port"]) for port in names["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert internet["ports"] == [{"protocol": "TCP", "port": 443}]
    assert mirror == {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 8443}]}
    reached = [
        (ip_network(to["ipBlock"]["cidr"]), [ip_network(one) for one in to["ipBlock"]["except"]])
        for to in internet["to"]
    ]
    for address in (
        "10.96.0.1",
        "169.254.169.254",
        "127.0.0.1",
        "192.168.1.1",
        "172.20.0.1",
        "::1",
        "fe80::1",
    ):
        assert not any(_lets(address, *one) for one in reached), address
    for address in ("18.164.174.23", "2600:9000:2104::1"):
        assert any(_lets(address, *one) for one in reached), address


def _lets(address: str, block: Network, without: list[Network]) -> bool:
    one = ip_address(address)
    return one in block and not any(one in part for part in without)


def test_that_wall_stands_around_the_pods_that_the_operator_makes() -> None:
    [policy] = [item["spec"] for item in render(*MIRROR) if item["kind"] == "NetworkPolicy"]
    source = "".join(path.read_text() for path in (REPO / "operator/veriaidpo_operator").rglob("*.py"))
    for key, value in policy["podSelector"]["matchLabels"].items():
        assert f'"{key}"' in source
        assert f'"{value}"' in source
