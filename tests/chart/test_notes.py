"""What whoever installs is warned of."""

import pytest

from .conftest import notes

SEVERAL = "models.serving.maxReplicas=2"
EMBEDDED = ("postgresql.enabled=false", "gateway.replicas=1")
NOT_RECORDED = "nothing that is decided is recorded"
GATEWAY_API = ("ingress.enabled=false", "httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([SEVERAL], "is on one node at a time"),
        (["models.overrides.consent-vi.serving.maxReplicas=2"], "is on one node at a time"),
        (["networkPolicy.enabled=true"], "reach any address at the ports of the API server"),
        ([], "the ingress has no TLS"),
        ([], "was made by the chart"),
        ([*EMBEDDED], NOT_RECORDED),
        ([*GATEWAY_API], "https://veriaidpo.local/api/v1/veriaidpo/classify"),
        (
            [*GATEWAY_API, "httpRoute.hostnames={aidpo.example.vn}"],
            "The name aidpo.example.vn must lead to your Gateway",
        ),
        ([*GATEWAY_API, "httpRoute.hostnames={*.example.vn}"], "The name NAME.example.vn must lead"),
    ],
)
def test_it_is_told(settings: list[str], told: str) -> None:
    assert told in notes(*settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([], "is on one node at a time"),
        ([SEVERAL, "models.storage.accessModes={ReadWriteMany}"], "is on one node at a time"),
        ([SEVERAL, "models.storage.claimName=nfs"], "is on one node at a time"),
        (
            ["models.overrides.consent-vi.serving.maxReplicas=2", "models.disabled={consent-vi}"],
            "is on one node at a time",
        ),
        ([], "at the ports of the API server"),
        (
            ["networkPolicy.enabled=true", "networkPolicy.apiServer.cidrs={10.96.0.1/32}"],
            "at the ports of the API server",
        ),
        (["ingress.tlsSecret=tls"], "the ingress has no TLS"),
        (["ingress.enabled=false"], "the ingress has no TLS"),
        (["gateway.existingSecret=keys"], "was made by the chart"),
        ([], NOT_RECORDED),
        ([*EMBEDDED, "records.enabled=false"], NOT_RECORDED),
        ([*EMBEDDED, "records.databaseSecret=records"], NOT_RECORDED),
        ([*GATEWAY_API], "port-forward"),
        (["httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public"], "your Gateway"),
    ],
)
def test_it_is_not_told_where_it_is_not_so(settings: list[str], told: str) -> None:
    assert told not in notes(*settings)


PUBLISHED = ("gateway.jwt.algorithms={ES256}", "gateway.jwt.jwksUrl=https://identity.example/keys")


def test_a_token_is_made_where_one_that_is_made_here_is_believed() -> None:
    made, brought = "veriaidpo-gateway token --role staff", "of your identity provider"
    both = notes("gateway.jwt.algorithms={HS256,ES256}", PUBLISHED[1])
    for told in (notes(), both):
        assert made in told
        assert brought not in told
    told = notes(*PUBLISHED)
    assert made not in told
    assert "The key that tokens are signed with" not in told
    assert brought in told
    assert "`helm test` has no token to ask with" in told
    assert "`helm test`" not in notes(*PUBLISHED, "helmTest.tokenSecret=mine") + both
