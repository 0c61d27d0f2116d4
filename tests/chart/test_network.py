"""Who may reach whom: nobody, but over the edges that are named."""

from typing import Any

import pytest

from .conftest import RenderError, kinds, render

DEMO = ("networkPolicy.enabled=true", "demoHub.enabled=true")
PROMETHEUS = ("networkPolicy.monitoringFrom[0].namespaceSelector.matchLabels.team=ops",)


def policies(*settings: str) -> dict[str, dict[str, Any]]:
    made = kinds(render(*DEMO, *settings), "NetworkPolicy")
    return {item["metadata"]["name"].removeprefix("veriaidpo-"): item["spec"] for item in made}


def components(rule: dict[str, Any], side: str) -> set[str]:
    """The components at the other end of a rule; `*` where it is anybody."""
    if side not in rule:
        return {"*"}
    return {
        peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component", "elsewhere")
        for peer in rule[side]
    }


def edges(*settings: str) -> set[tuple[str, str, int]]:
    """Every edge, as who opens it, who is reached, and at which port; names (53) are left out."""
    found = set()
    for spec in policies(*settings).values():
        own = spec["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for side, rules in (("from", spec.get("ingress", [])), ("to", spec.get("egress", []))):
            for rule in rules:
                for other in components(rule, side):
                    for port in rule["ports"]:
                        pair = (other, own) if side == "from" else (own, other)
                        found.add((*pair, port["port"]))
    return {edge for edge in found if edge[2] != 53}


BOTH_ENDS = {
    ("gateway", "predictor", 8080),
    ("gateway", "redis", 6379),
    ("gateway", "postgresql", 5432),
    ("operator", "predictor", 8080),
    ("operator", "fetch", 8081),
    ("fetch", "hub", 8090),
}
ONE_END = {
    ("*", "gateway", 8001),
    ("test", "gateway", 8001),
    ("gateway", "elsewhere", 443),
    ("gateway", "elsewhere", 6443),
    ("operator", "elsewhere", 443),
    ("operator", "elsewhere", 6443),
    ("crd-upgrade", "elsewhere", 443),
    ("crd-upgrade", "elsewhere", 6443),
    ("fetch", "elsewhere", 443),
}


def test_without_a_word_there_are_none() -> None:
    assert kinds(render(), "NetworkPolicy") == []


def test_everything_is_denied_first() -> None:
    deny = policies()["deny"]
    assert deny["podSelector"] == {"matchLabels": {"app.kubernetes.io/part-of": "veriaidpo"}}
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in deny
    assert [port["port"] for rule in deny["egress"] for port in rule["ports"]] == [53, 53]


def test_every_pod_is_one_that_is_denied(demo: list[dict[str, Any]]) -> None:
    templates = [i["spec"]["template"] for i in demo if i["kind"] in {"Deployment", "StatefulSet", "Job"}]
    assert len(templates) == 6
    for template in templates:
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "veriaidpo"


def test_these_edges_are_left_and_no_other() -> None:
    assert edges() == BOTH_ENDS | ONE_END


def test_an_edge_within_is_allowed_at_both_of_its_ends() -> None:
    for _, reached, port in BOTH_ENDS:
        (spec,) = (
            one
            for one in policies().values()
            if one["podSelector"]["matchLabels"].get("app.kubernetes.io/component") == reached
            and "ingress" in one
        )
        assert port in {p["port"] for rule in spec["ingress"] for p in rule["ports"]}


def test_what_is_not_brought_has_no_edge() -> None:
    alone = edges(
        "redis.enabled=false", "postgresql.enabled=false", "gateway.replicas=1", "demoHub.enabled=false"
    )
    assert {reached for _, reached, _ in alone} == {"gateway", "predictor", "fetch", "elsewhere"}


def test_metrics_are_read_by_whom_you_name() -> None:
    scraped = edges(*PROMETHEUS) - edges()
    assert scraped == {
        ("elsewhere", "gateway", 9090),
        ("elsewhere", "operator", 9090),
        ("elsewhere", "predictor", 8080),
    }


@pytest.mark.parametrize("watching", ["podMonitors.enabled=true", "rules.enabled=true"])
def test_a_prometheus_that_would_read_nothing_is_refused(watching: str) -> None:
    watched = (f"monitoring.{watching}", "monitoring.rules.runbookUrl=https://wiki.example/alerts")
    with pytest.raises(RenderError, match=r"say where it is in networkPolicy\.monitoringFrom"):
        render(*DEMO, *watched)
    render(*watched)
    render(*DEMO, *watched, *PROMETHEUS)


def test_gateways_are_asked_by_whom_you_name() -> None:
    named = policies("networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.team=web")["gateway"][
        "ingress"
    ]
    (rule,) = named
    assert rule["from"][0] == {"namespaceSelector": {"matchLabels": {"team": "web"}}}
    assert ("*", "gateway", 8001) not in edges(
        "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.team=web"
    )


def test_further_edges_are_yours() -> None:
    further = ("to[0].ipBlock.cidr=10.1.0.0/24", "ports[0].port=6380")
    whose = ("gateway", "predictor", "operator")
    given = [f"networkPolicy.{one}To[0].{part}" for one in whose for part in further]
    assert edges(*given) - edges() == {(one, "elsewhere", 6380) for one in whose}


def test_the_api_server_may_be_named() -> None:
    given = ("networkPolicy.apiServer.cidrs={10.96.0.1/32}", "networkPolicy.apiServer.ports={443}")
    assert ("operator", "elsewhere", 6443) not in edges(*given)


@pytest.mark.parametrize("wall", ["networkPolicy.enabled=true", "sources.networkPolicy.enabled=true"])
@pytest.mark.parametrize(
    "mirror",
    [
        "http://hub.example.vn",
        "https://hub.example.vn:8443",
        "https://hub",
        "https://hub.models.svc",
        "https://hub.models.svc.cluster.local/base",
        "https://10.1.2.3",
        "https://172.20.0.1:443",
    ],
)
def test_a_mirror_that_no_fetch_could_reach_is_refused(wall: str, mirror: str) -> None:
    with pytest.raises(RenderError, match=r"say in sources\.networkPolicy\.also where hub\.endpoint is"):
        render(wall, f"hub.endpoint={mirror}")
    named = ("to[0].ipBlock.cidr=10.1.0.0/16", "ports[0].port=8080")
    render(wall, f"hub.endpoint={mirror}", *(f"sources.networkPolicy.also[0].{one}" for one in named))


@pytest.mark.parametrize(
    "mirror", ["https://hub.example.vn", "https://hub.example.vn:443/base", "https://100.example.vn"]
)
def test_a_mirror_on_the_internet_is_reached_as_it_is(mirror: str) -> None:
    assert ("fetch", "elsewhere", 443) in edges("demoHub.enabled=false", f"hub.endpoint={mirror}")
