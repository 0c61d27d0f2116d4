"""K3: whoever has one of the product's pods, or one beside it, and connects to the others and elsewhere.

What the policies say is computed here as a network would that enforces them: that one does, is the cluster's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import product

from ..conftest import Attack
from ..rendered import Json, rendered
from .release import component, templates_of

API = "10.96.0.1"
SHAPE = (
    "demoHub.enabled=true",
    "networkPolicy.enabled=true",
    f"networkPolicy.apiServer.cidrs={{{API}/32}}",
    "networkPolicy.apiServer.ports={443}",
    "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.team=web",
)
DENY = "veriaidpo-deny"


@dataclass(frozen=True)
class Place:
    """What connects, or is connected to: a pod by its labels and its namespace's, or an address."""

    name: str
    address: str
    labels: Json | None = None
    namespace: Json = field(default_factory=dict)
    """Labels of its namespace; none for the product's own."""


WEB = Place("ingress", "10.42.3.1", {"app": "traefik"}, {"team": "web"})
OUTSIDE = (
    WEB,
    Place("neighbour", "10.42.3.2", {"app": "of the same namespace"}),
    Place("stranger", "10.42.3.3", {"app": "of another namespace"}, {"team": "other"}),
)
ADDRESSES = (
    Place("the API server", API), Place("a node", "10.0.0.5"), Place("the node's cloud", "169.254.169.254"),
    Place("the internet", "93.184.215.14"),
)  # fmt: skip
PORTS = (22, 25, 80, 443, 5432, 6379, 8001, 8080, 8081, 8090, 9090, 10250)

NAMED = {
    ("ingress", "gateway", 8001), ("test", "gateway", 8001), ("gateway", "predictor", 8080),
    ("gateway", "redis", 6379), ("gateway", "postgresql", 5432), ("operator", "predictor", 8080),
    ("operator", "fetch", 8081), ("fetch", "hub", 8090), ("fetch", "the internet", 443),
    ("gateway", "the API server", 443), ("operator", "the API server", 443),
    ("crd-upgrade", "the API server", 443),
}  # fmt: skip
"""Every edge there is, but for names (port 53): docs/operate.md, Network."""


def selects(selector: Json, labels: Json) -> bool:
    assert selector.keys() <= {"matchLabels"}, "a selector that is not understood here"
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def is_peer(peer: Json, other: Place) -> bool:
    """Whether a rule means that place."""
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ip_address(other.address)
        without = any(address in ip_network(one) for one in block.get("except", ()))
        return address in ip_network(block["cidr"]) and not without
    if other.labels is None or not selects(peer.get("podSelector", {}), other.labels):
        return False
    if "namespaceSelector" in peer:
        return selects(peer["namespaceSelector"], other.namespace)
    return not other.namespace


def lets(policies: list[Json], way: str, own: Place, other: Place, port: int) -> bool:
    """Whether a connection may leave (`Egress`) or reach (`Ingress`) a pod."""
    if own.labels is None or own.namespace:
        return True
    side, end = (way.lower(), "to" if way == "Egress" else "from")
    chosen = [
        one for one in policies if selects(one["podSelector"], own.labels) and way in one["policyTypes"]
    ]
    return not chosen or any(
        (not rule.get(end) or any(is_peer(peer, other) for peer in rule[end]))
        and (not rule.get("ports") or any(one["port"] == port for one in rule["ports"]))
        for policy in chosen
        for rule in policy.get(side, ())
    )


def connects(policies: list[Json], begins: Place, ends: Place, port: int) -> bool:
    return lets(policies, "Egress", begins, ends, port) and lets(policies, "Ingress", ends, begins, port)


def attempts(pods: list[Place]) -> Iterator[tuple[Place, Place, int]]:
    """Give every connection that begins or ends at one of the pods."""
    for begins, ends, port in product((*pods, *OUTSIDE), (*pods, *OUTSIDE, *ADDRESSES), PORTS):
        if begins is not ends and (begins in pods or ends in pods):
            yield begins, ends, port


def test_k3_connections_that_are_none_of_the_products(attack: Attack) -> None:
    objects = rendered(*SHAPE)
    named = {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "NetworkPolicy"}
    policies = list(named.values())
    labels = {component(one): one["metadata"]["labels"] for one in templates_of(objects)}
    pods = [Place(name, f"10.42.0.{number}", own) for number, (name, own) in enumerate(labels.items(), 1)]
    with attack(
        "K3", "connections between the product's pods, and with others, that are no named edge"
    ) as row:
        open_ones = set()
        for begins, ends, port in attempts(pods):
            edge, through = (begins.name, ends.name, port), connects(policies, begins, ends, port)
            if edge in NAMED:
                open_ones |= {edge} if through else set()
            else:
                row.tried += 1
                row.got_through += through
        assert open_ones == NAMED, "the product would not work"
        row.figure = f"{len(pods)} pods; computed from the policies, which the test cluster does not enforce"
        without = [spec for name, spec in named.items() if name != DENY]
        left = sum(connects(without, *one) for one in attempts(pods)) - len(NAMED)
        row.control = f"without the policy that denies everything first, {left} of them are open"
