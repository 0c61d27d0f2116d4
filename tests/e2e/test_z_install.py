"""docs/install.md from its first command to its last, typed as it stands there.

What the shapes need is typed by test_z_shapes, the archive by test_z_offline.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..documents import commands
from .cluster import DEMO_MODELS, get, kubectl, run
from .conftest import remove_everything
from .page import typed

pytestmark = pytest.mark.slow

DEMONSTRATION, REAL = commands("docs/install.md", "Install")
(ASK,) = commands("docs/install.md", "Ask")
TRY, _WITH_A_TOKEN = commands("docs/install.md", "Try it, and upgrade")
REMOVE, VOLUMES, _ROLES_OF_A_DELETED_NAMESPACE, RECORDS_TOO = commands("docs/install.md", "Removing it")


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    """Leave nothing installed, before and after."""
    remove_everything()
    yield
    remove_everything()


def test_the_page_leads_to_an_answer_and_back_to_nothing(tmp_path: Path) -> None:
    waited = typed(tmp_path, *DEMONSTRATION)
    for model in DEMO_MODELS:
        assert f"model.veriaidpo.verisyntra.vn/{model} condition met" in waited
    assert '"prediction":' in typed(tmp_path, *ASK)
    assert "Phase:          Succeeded" in typed(tmp_path, *TRY)

    typed(tmp_path, *REMOVE)
    assert get("models")["items"] == []
    assert len(get("pvc")["items"]) == len(DEMO_MODELS) + 1, "every volume is kept"
    typed(tmp_path, *VOLUMES, *RECORDS_TOO)
    assert get("pvc")["items"] == []
    assert get("secrets")["items"] == []


def test_the_real_models_are_asked_for_with_the_token(tmp_path: Path) -> None:
    # The test cluster reaches no public hub: what is seen is that it would be asked, with that Secret.
    run("kubectl", "create", "namespace", "veriaidpo")
    (tmp_path / "token").write_text("hf_not-a-token")
    typed(tmp_path, *REAL)
    kubectl("rollout", "status", "deployment/veriaidpo-operator", "--timeout=120s")
    operator = get("deployment", "veriaidpo-operator")["spec"]["template"]["spec"]["containers"][0]
    assert "hub-token" in str(operator["env"])
    sources = {model["spec"]["source"]["uri"] for model in get("models")["items"]}
    assert len(sources) == len(get("models")["items"]) == 11
    assert all(uri.startswith("hf://") for uri in sources)
