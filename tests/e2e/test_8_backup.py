"""The namespace is destroyed, and a folder brings it back: keys, companies, records, pins and every byte."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .. import tables
from .cluster import (
    BASE,
    CLASSIFIERS,
    DEMO_MODELS,
    NAMESPACE,
    REPO,
    get,
    helm,
    hub_bytes,
    ingress,
    kubectl,
    run,
)
from .conftest import Installation
from .models import sample
from .namespaces import destroyed, restricted
from .parts import sql
from .proofs import certificates, exported, records_of, verified
from .traffic import Question

pytestmark = pytest.mark.slow

COMPANY: dict[str, Any] = {"name": "Công ty Cổ phần Trở Lại Thử Nghiệm", "aliases": ["Trở Lại Thử Nghiệm"]}
PINNED, SUSPENDED, OWN = "principles-vi", "consent-vi", "processing-ground-vi"
ANOTHER = "e2e-restored"


def command(name: str, folder: Path, **more: str) -> str:
    """Type what docs/backup.md says."""
    env = (f"{key}={value}" for key, value in more.items())
    return run("env", *env, str(REPO / "hack" / name), str(folder), timeout=900)


def written(what: str, begun: float) -> None:
    """Keep in build/operations.json how long it took since then."""
    with tables.kept("operations") as body:
        body[f"{what}_seconds"] = round(time.monotonic() - begun)


@dataclass(frozen=True)
class Kept:
    """A backup, and what was true when it was made."""

    folder: Path
    records: int
    revision: str
    """Of the Model that was pinned."""


@pytest.fixture(scope="module")
def kept(
    installation: Installation,
    tokens: dict[str, str],
    questions: list[Question],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Kept]:
    """Back up an installation with a company and a Model of its own, a pin and a Model that is suspended."""
    added = ingress(f"{BASE}/companies", json=COMPANY, headers=bearer(tokens["admin"]))
    assert added.status_code in {201, 409}, added.text
    kubectl("apply", "--filename", "-", stdin=json.dumps(sample(OWN)))
    kubectl("wait", "--for=condition=Ready", f"model/{OWN}", "--timeout=180s", timeout=200)
    revision = str(get("model", PINNED)["status"]["currentRevision"])
    kubectl("patch", "model", PINNED, "--type=merge", "-p", f'{{"spec":{{"pinnedRevision":"{revision}"}}}}')
    kubectl("patch", "model", SUSPENDED, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    folder = tmp_path_factory.mktemp("backup") / "kept"
    recorded, begun = records(NAMESPACE), time.monotonic()
    command("backup", folder, VOLUMES="1")
    written("backup", begun)
    volumes = {path.name.removesuffix("-model.tar") for path in (folder / "volumes").iterdir()}
    assert volumes >= {*DEMO_MODELS, OWN}
    yield Kept(folder, recorded, revision)
    kubectl("delete", "model", OWN, "--ignore-not-found", "--timeout=60s")
    kubectl("delete", "pvc", f"{OWN}-model", "--ignore-not-found", "--wait=false")
    for name, field in ((PINNED, "pinnedRevision"), (SUSPENDED, "suspend")):
        kubectl("patch", "model", name, "--type=merge", "-p", f'{{"spec":{{"{field}":null}}}}')


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def records(namespace: str) -> int:
    """Return how many decision records there are, proven as docs/decisions.md says."""
    lines = exported(namespace=namespace)
    verdict = verified(lines, certificates(namespace))
    assert verdict.code == 0, verdict.said
    return len(records_of(lines))


@pytest.fixture
def restore(kept: Kept) -> Callable[[str], None]:
    """Return what restores the backup into a namespace, and waits for its Models."""

    def restored(namespace: str) -> None:
        begun = time.monotonic()
        command("restore", kept.folder, NAMESPACE=namespace)
        waiting = ("wait", "--for=condition=Servable", "models", "--all", "--timeout=300s")
        run("kubectl", "--namespace", namespace, *waiting, timeout=310)
        written("restore", begun)

    return restored


@pytest.fixture
def another() -> Iterator[str]:
    destroyed(ANOTHER)
    restricted(ANOTHER)
    yield ANOTHER
    destroyed(ANOTHER)


def assert_as_before(namespace: str, kept: Kept, tokens: dict[str, str], questions: list[Question]) -> None:
    found = ingress(
        f"{BASE}/companies", method="GET", params={"q": "Trở Lại"}, headers=bearer(tokens["admin"])
    )
    assert found.status_code == 200, "tokens of before are believed"
    assert COMPANY["name"] in found.text
    assert sum(hub_bytes(f"veriaidpo-demo/{name}", namespace=namespace) for name in DEMO_MODELS) == 0
    for question in questions[: 2 * len(CLASSIFIERS)]:
        answer = ingress(f"{BASE}/classify", json=question.body, headers=bearer(tokens["staff"]))
        assert answer.json().get("category_id") == question.category, answer.text
    models = json.loads(run("kubectl", "--namespace", namespace, "get", "models", "--output", "json"))[
        "items"
    ]
    by_name = {model["metadata"]["name"]: model for model in models}
    assert by_name.keys() == {*DEMO_MODELS, OWN}
    assert by_name[PINNED]["spec"]["pinnedRevision"] == kept.revision
    assert by_name[PINNED]["status"]["currentRevision"] == kept.revision
    assert [name for name, model in by_name.items() if model["spec"].get("suspend")] == [SUSPENDED]
    pods = run("kubectl", "--namespace", namespace, "get", "pods", "--output", "name")
    assert "fill-" not in pods
    assert records(namespace) >= kept.records + 1, "the chains of before are whole, and go on"


def test_a_release_that_is_there_is_not_restored_over(kept: Kept) -> None:
    done = subprocess.run(
        [str(REPO / "hack/restore"), str(kept.folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "has a release veriaidpo" in done.stderr


def test_it_comes_back_in_another_namespace(
    kept: Kept,
    restore: Callable[[str], None],
    another: str,
    tokens: dict[str, str],
    questions: list[Question],
) -> None:
    destroyed(NAMESPACE)
    restore(another)
    assert_as_before(another, kept, tokens, questions)


def test_a_destroyed_namespace_comes_back(
    kept: Kept, restore: Callable[[str], None], tokens: dict[str, str], questions: list[Question]
) -> None:
    destroyed(NAMESPACE)
    restricted(NAMESPACE)
    restore(NAMESPACE)
    assert_as_before(NAMESPACE, kept, tokens, questions)


def test_volumes_that_were_kept_are_filled_as_they_are(
    kept: Kept, restore: Callable[[str], None], tokens: dict[str, str], questions: list[Question]
) -> None:
    # As if it had been installed anew since the backup, with a password of that day.
    sql("ALTER ROLE veriaidpo PASSWORD 'of-another-day'")
    helm("uninstall", "veriaidpo", "--wait", "--timeout", "3m")
    assert get("pvc", "data-veriaidpo-postgresql-0")["status"]["phase"] == "Bound"
    restore(NAMESPACE)
    assert_as_before(NAMESPACE, kept, tokens, questions)
