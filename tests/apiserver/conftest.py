"""A real API server, a namespace for each test, and the operator as a process with its own rights only."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .kubectl import Namespace, kubectl
from .operator_process import OperatorProcess, restricted_kubeconfig

REPO = Path(__file__).parents[2]
PRETEND = "veriaidpo-pretend:test"


@pytest.fixture(scope="session")
def cluster() -> None:
    """Fail with a sentence when there is no cluster; install the definition of Models."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail('these tests need a cluster: eval "$(hack/cluster/provider up)" sets KUBECONFIG')
    try:
        kubectl("version", "--request-timeout=5s")
    except subprocess.CalledProcessError as error:
        pytest.fail(f"the cluster of KUBECONFIG does not answer: {error.stderr}")
    # `crd apply` may have been here before, and owns the fields then.
    definition = str(REPO / "charts/veriaidpo/crds/models.yaml")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", definition)
    kubectl("wait", "--for=condition=Established", "crd/models.veriaidpo.verisyntra.vn", "--timeout=30s")


@pytest.fixture(scope="session")
def pretend(cluster: None) -> str:
    """Build the stand-in for the fetch and predictor images; return its name."""
    folder = Path(__file__).parent / "pretend"
    built = subprocess.run(
        [
            str(REPO / "hack/cluster/provider"),
            "build",
            PRETEND,
            "-f",
            str(folder / "Dockerfile"),
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return PRETEND


@pytest.fixture
def namespace(cluster: None) -> Iterator[Namespace]:
    """Make a namespace that enforces the restricted Pod Security Standard; remove it afterwards."""
    space = Namespace(f"operator-{uuid.uuid4().hex[:8]}")
    kubectl("create", "namespace", space.name)
    kubectl("label", "namespace", space.name, "pod-security.kubernetes.io/enforce=restricted")
    space.kubectl("create", "configmap", "veriaidpo-service-trust", "--from-literal=tls.crt=key")
    yield space
    kubectl("delete", "namespace", space.name, "--wait=false")


@pytest.fixture
def operator(namespace: Namespace, pretend: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Run the operator in the namespace; a test may stop and start it."""
    process = OperatorProcess(
        command=[sys.executable, "-m", "veriaidpo_operator"],
        kubeconfig=restricted_kubeconfig(namespace, tmp_path / "kubeconfig"),
        log=tmp_path / "operator.log",
        settings={
            "NAMESPACE": namespace.name,
            "FETCH_IMAGE": pretend,
            "PREDICTOR_IMAGE": pretend,
            "FETCH_RETRY_SECONDS": "3",
            "RESYNC_SECONDS": "5",
        },
    )
    process.start()
    yield process
    process.stop()
    print(process.log.read_text())  # shown by pytest when the test failed
