"""What whoever installs is warned of."""

import pytest

from .conftest import notes

SEVERAL = "models.serving.maxReplicas=2"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([SEVERAL], "is on one node at a time"),
        (["networkPolicy.enabled=true"], "reach any address at the ports of the API server"),
        ([], "the ingress has no TLS"),
        ([], "was made by the chart"),
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
        ([], "at the ports of the API server"),
        (
            ["networkPolicy.enabled=true", "networkPolicy.apiServer.cidrs={10.96.0.1/32}"],
            "at the ports of the API server",
        ),
        (["ingress.tlsSecret=tls"], "the ingress has no TLS"),
        (["ingress.enabled=false"], "the ingress has no TLS"),
        (["gateway.existingSecret=keys"], "was made by the chart"),
    ],
)
def test_it_is_not_told_where_it_is_not_so(settings: list[str], told: str) -> None:
    assert told not in notes(*settings)
