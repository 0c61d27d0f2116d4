"""Each supported shape is installed for real, less what the test cluster lacks: shapes/*.yaml say what.

Last of all, since it removes the one installation that the other tests stand on.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ..documents import commands
from .cluster import CHART, HOST, NAMESPACE, REPO, eventually, helm, ingress, run
from .conftest import remove_everything
from .identity import IdentityProvider
from .namespaces import SOMEBODY, destroyed, installer_rights, restricted
from .page import typed
from .shape import GATEWAY, Shape

pytestmark = pytest.mark.slow

(SMALL,) = commands("docs/install.md", "Small clusters")
(RESTRICTED,) = commands("docs/install.md", "Without a right beyond the namespace")
BROUGHT, INSTALLED, HAND_OVER = commands("docs/install.md", "For production")
STORES = "e2e-stores"
GATEWAY_API = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec:
  gatewayClassName: traefik
  listeners: [{name: http, protocol: HTTP, port: 80}]
"""


@pytest.fixture(scope="module", autouse=True)
def nothing_else() -> None:
    """Make room: two cores hold one installation at a time."""
    remove_everything()


@pytest.fixture
def shape(request: pytest.FixtureRequest) -> Iterator[Shape]:
    """Make the namespace of the shape that is asked for, where pods are restricted."""
    begun, one = time.monotonic(), Shape(request.param)
    destroyed(one.namespace)
    restricted(one.namespace)
    try:
        yield one
        gone = ("uninstall", "veriaidpo", "--ignore-not-found", "--wait", "--timeout", "3m")
        helm(*gone, namespace=one.namespace)
        kinds = "deployments,statefulsets,models,inferenceservices,jobs"
        eventually(lambda: one.kubectl("get", kinds, "--output", "name").split() == [], "all of it is gone")
    finally:
        destroyed(one.namespace)
    print(f"{request.param}: installed, asked and gone in {time.monotonic() - begun:.0f} s")


@pytest.mark.parametrize("shape", ["dev"], indirect=True)
def test_dev(shape: Shape) -> None:
    shape.helm("install")
    shape.answers(shape.token())


@pytest.mark.parametrize("shape", ["dev"], indirect=True)
def test_a_gateway_leads_there_in_place_of_an_ingress(shape: Shape) -> None:
    shape.kubectl("apply", "--filename", "-", stdin=GATEWAY_API)
    without = ("--set", "ingress.enabled=false", "--set", "httpRoute.enabled=true")
    shape.helm("install", *without, "--set", "httpRoute.parentRefs[0].name=public")
    shape.answers(shape.token())
    assert shape.kubectl("get", "ingresses", "--output", "name") == ""
    route = json.loads(shape.kubectl("get", "httproute", "veriaidpo", "--output", "json"))
    (parent,) = route["status"]["parents"]
    assert {one["type"]: one["status"] for one in parent["conditions"]} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
    }


@pytest.mark.parametrize("shape", ["minimal"], indirect=True)
def test_minimal_is_one_predictor_with_models_of_int8(shape: Shape, tmp_path: Path) -> None:
    shape.typed(tmp_path, *SMALL)
    shape.answers(shape.token())
    predictors = shape.kubectl("get", "pods", "-l", "app.kubernetes.io/component=predictor", "-o", "name")
    assert len(predictors.split()) == 1
    models = json.loads(shape.kubectl("get", "models", "--output", "json"))["items"]
    converted = {
        model["metadata"]["name"]: one["reason"]
        for model in models
        for one in model["status"]["conditions"]
        if one["type"] == "Converted"
    }
    assert set(converted.values()) == {"Converted"}, converted


@pytest.mark.parametrize("shape", ["restricted"], indirect=True)
def test_restricted_is_installed_by_somebody_with_rights_in_one_namespace(
    shape: Shape, tmp_path: Path
) -> None:
    run("kubectl", "apply", "--server-side", "--filename", str(CHART / "crds/models.yaml"))
    installer_rights(shape.namespace)
    certificate = certificate_of_the_host(tmp_path)
    shape.typed(tmp_path, *RESTRICTED, more=f"--kube-as-user {SOMEBODY}")
    shape.answers(shape.token(), authority=certificate)
    health = ingress("/health", method="GET", authority=certificate)
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    plain = ingress("/health", method="GET")
    assert (plain.status_code, plain.text.strip()) == (404, "404 page not found"), "no way in without TLS"


def certificate_of_the_host(folder: Path) -> Path:
    """Make the ingress's certificate, which people have from an authority; here it is its own."""
    new = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        f"/CN={HOST}",
        "-addext",
        f"subjectAltName=DNS:{HOST}",
    )
    certificate = folder / "ingress.crt"
    files = ("-keyout", str(folder / "ingress.key"), "-out", str(certificate))
    run("openssl", "req", "-x509", *new, *files)
    return certificate


@pytest.mark.parametrize("shape", ["staging"], indirect=True)
def test_staging_is_handed_over_to_the_autoscaler_without_a_gateway_less(
    shape: Shape, tmp_path: Path
) -> None:
    shape.secret("veriaidpo-keys", jwt_secret_key="k" * 48, cache_key="c" * 48)
    shape.secret("hub-token", token="not-asked-for")
    shape.helm("install", "--set", "gateway.autoscaling.enabled=false", "--set", "gateway.replicas=2")
    shape.answers(shape.token(), shape.given("ingress", "host"))
    watching = subprocess.Popen(
        ["kubectl", "-n", shape.namespace, "get", GATEWAY, "--watch", "-o", "jsonpath={.spec.replicas} "],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        typed(tmp_path, *HAND_OVER, namespace=shape.namespace)
        shape.helm("upgrade")
        shape.kubectl("rollout", "status", GATEWAY, "--timeout=120s")
        time.sleep(20)  # the autoscaler looks every 15 s
    finally:
        watching.terminate()
        wanted, _ = watching.communicate(timeout=10)
    assert wanted.split(), "somebody looked"
    assert {int(one) for one in wanted.split()} <= {2, 3}, wanted
    shape.kubectl("get", "horizontalpodautoscaler", "veriaidpo-gateway")


@pytest.mark.parametrize("shape", ["production"], indirect=True)
def test_production_has_stores_keys_and_tokens_of_its_own(
    shape: Shape, stores: dict[str, str], tmp_path: Path
) -> None:
    provider = IdentityProvider.new(
        shape.given("gateway", "jwt", "issuer"), shape.given("gateway", "jwt", "audience")
    )
    for name, address in stores.items():
        (tmp_path / name).write_text(address)
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("not-asked-for")
    shape.typed(tmp_path, *BROUGHT)
    published = json.dumps(provider.published())
    shape.kubectl("create", "configmap", "identity-keys", f"--from-literal=jwks.json={published}")
    shape.secret("helm-test", token=provider.token("auditor"))
    shape.typed(tmp_path, *INSTALLED)
    shape.answers(provider.token("staff"), shape.given("ingress", "host"))

    def healthy() -> bool:
        health = ingress("/health", method="GET", host=shape.given("ingress", "host")).json()
        assert health["status"] == "healthy", health
        return True

    eventually(healthy, "stores of its own are used", 30)


@pytest.fixture
def stores() -> Iterator[dict[str, str]]:
    """Run a Redis and a PostgreSQL, as the chart has them, in another namespace; return their addresses."""
    destroyed(STORES)
    restricted(STORES)
    parts = (
        "--show-only",
        "templates/redis/redis.yaml",
        "--show-only",
        "templates/postgresql/postgresql.yaml",
    )
    rendered = helm("template", "veriaidpo", str(CHART), *parts, namespace=STORES)
    within = ("kubectl", "--namespace", STORES)
    run(*within, "apply", "--filename", "-", stdin=rendered)
    for one in ("deployment/veriaidpo-redis", "statefulset/veriaidpo-postgresql"):
        run(*within, "rollout", "status", one, "--timeout=120s", timeout=130)
    objects = [item for item in yaml.safe_load_all(rendered) if item and item["kind"] == "Secret"]
    yield {key: value for item in objects for key, value in item["stringData"].items()}
    destroyed(STORES)


@pytest.fixture
def namespace() -> Iterator[None]:
    """Make the namespace that the kustomization is for, where Models are defined."""
    run("kubectl", "apply", "--server-side", "--filename", str(CHART / "crds/models.yaml"))
    destroyed(NAMESPACE)
    restricted(NAMESPACE)
    yield
    destroyed(NAMESPACE)


@pytest.mark.usefixtures("namespace")
def test_the_kustomization_is_taken_as_a_whole() -> None:
    said = run("kubectl", "apply", "--server-side", "--dry-run=server", "-k", str(REPO / "manifests/install"))
    lines = said.splitlines()
    assert "deployment.apps/veriaidpo-gateway serverside-applied (server dry run)" in lines
    assert sum(line.startswith("model.veriaidpo.verisyntra.vn/") for line in lines) == 11
