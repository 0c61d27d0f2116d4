"""How callers reach the gateway: Ingress or Gateway API, with TLS or a warning."""

from typing import Any

import pytest

from .conftest import kinds, render


def ingress(*settings: str) -> dict[str, Any]:
    (found,) = kinds(render(*settings), "Ingress")
    return found


def annotations(*settings: str) -> dict[str, str]:
    return dict(ingress(*settings)["metadata"].get("annotations", {}))


def test_without_a_word_it_is_plain_and_for_whichever_controller() -> None:
    assert annotations() == {}
    assert "tls" not in ingress()["spec"]
    assert "ingressClassName" not in ingress()["spec"]


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        (["ingress.tlsSecret=mine"], "mine"),
        (["ingress.certManager.clusterIssuer=ca"], "veriaidpo-tls"),
        (["ingress.certManager.issuer=ca", "ingress.tlsSecret=mine"], "mine"),
    ],
)
def test_tls_has_a_secret_of_yours_or_one_that_cert_manager_makes(settings: list[str], secret: str) -> None:
    assert ingress(*settings)["spec"]["tls"] == [{"hosts": ["veriaidpo.local"], "secretName": secret}]


def test_cert_manager_is_told_who_signs() -> None:
    assert annotations("ingress.certManager.clusterIssuer=ca") == {"cert-manager.io/cluster-issuer": "ca"}
    assert annotations("ingress.certManager.issuer=ca") == {"cert-manager.io/issuer": "ca"}


def test_nginx_lets_batches_and_streams_through() -> None:
    told = annotations("ingress.controller=nginx")
    assert told["nginx.ingress.kubernetes.io/proxy-body-size"] == "0", "the gateway has bounds of its own"
    assert told["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"
    assert told["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"


def test_traefik_takes_tokens_by_tls_alone_where_there_is_a_certificate() -> None:
    assert annotations("ingress.controller=traefik") == {}
    told = annotations("ingress.controller=traefik", "ingress.tlsSecret=mine")
    assert told == {
        "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
        "traefik.ingress.kubernetes.io/router.tls": "true",
    }


def test_an_annotation_of_yours_is_the_one_that_counts() -> None:
    key = "nginx.ingress.kubernetes.io/proxy-buffering"
    given = f"ingress.annotations.{key.replace('.', chr(92) + '.')}=on"
    assert annotations("ingress.controller=nginx", given)[key] == "on"


def test_the_gateway_api_leads_to_the_same_place() -> None:
    assert kinds(render(), "HTTPRoute") == []
    parent = ("httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public")
    (route,) = kinds(render(*parent, "ingress.enabled=false"), "HTTPRoute")
    assert route["spec"]["parentRefs"] == [{"name": "public"}]
    assert route["spec"]["hostnames"] == ["veriaidpo.local"]
    (rule,) = route["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "veriaidpo-gateway", "port": 8001}]
    (other,) = kinds(render(*parent, "httpRoute.hostnames={aidpo.example.vn}"), "HTTPRoute")
    assert other["spec"]["hostnames"] == ["aidpo.example.vn"]
