"""One installation for the whole suite, on an empty cluster, exactly as the README says."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from ..documents import commands
from ..tables import kept
from .cluster import (
    CATALOGUE,
    CLASSIFIERS,
    DEMO_MODELS,
    NAMESPACE,
    REPO,
    ROLES,
    CommandError,
    classify,
    eventually,
    helm,
    kubectl,
    run,
)
from .traffic import Question, Traffic

FIVE_MINUTES = 300
TENANTS = 8
INSTALL, *AFTERWARDS = commands("README.md", "On any cluster")[0]


@dataclass(frozen=True)
class Installation:
    """What a person saw from `helm install` on."""

    notes: str
    waited: str
    """What `kubectl wait` said that was started as soon as there were Models."""

    seconds: float
    """From `helm install` to the last Model's Ready."""

    first: dict[str, httpx.Response] = field(default_factory=dict)
    """The answer to each classifier's first sentence, sent when `helm install --wait` returned."""


def remove_everything() -> None:
    """Leave nothing of an earlier run: release, volumes, namespace and the definition."""
    run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s", timeout=200)
    run("kubectl", "delete", "crd", "models.veriaidpo.verisyntra.vn", "--ignore-not-found", "--timeout=60s")


def install() -> Installation:
    """Type the README's first command into a namespace that enforces restricted pods."""
    remove_everything()
    run("kubectl", "create", "namespace", NAMESPACE)
    run("kubectl", "label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    begun = time.monotonic()
    installing = subprocess.Popen(["bash", "-c", INSTALL], cwd=REPO, stdout=subprocess.PIPE, text=True)
    wait = ("wait", "--for=condition=Ready", "models", "--all", f"--timeout={FIVE_MINUTES}s")
    eventually(all_are_there, "Models are there", 60)
    waiting = subprocess.Popen(
        ["kubectl", "--namespace", NAMESPACE, *wait], stdout=subprocess.PIPE, text=True
    )
    notes, _ = installing.communicate(timeout=FIVE_MINUTES)
    assert installing.returncode == 0, notes
    staff = token("staff")
    first = {
        name: classify(
            CATALOGUE[name]["goldenSentences"][0]["text"],
            CATALOGUE[name]["modelType"],
            CATALOGUE[name]["language"],
            staff,
        )
        for name in CLASSIFIERS
    }
    waited, _ = waiting.communicate(timeout=FIVE_MINUTES)
    seconds = time.monotonic() - begun
    with kept("operations") as body:
        body["install_seconds"] = round(seconds)
    return Installation(notes, waited, seconds, first)


def all_are_there() -> bool:
    """Whether every Model of the demonstration was created; Helm creates those of one kind at once."""
    there = {line.partition("/")[2] for line in kubectl("get", "models", "-o", "name").splitlines()}
    return there.issuperset(DEMO_MODELS)


def readme_install() -> str:
    """Type the README's first command; return what it said."""
    return run("bash", "-c", INSTALL, timeout=FIVE_MINUTES)


def tenant_tokens(count: int, *more: str) -> list[str]:
    """Return a token for each of so many tenants: none sees what is cached for another."""
    return [token("staff", "--tenant", f"tenant-{number}", *more) for number in range(count)]


def token(role: str, *more: str) -> str:
    """Return a token, made as the installation's notes say."""
    command = ("exec", "deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "token", "--role", role)
    return kubectl(*command, *more).strip()


def answered(token: str, *, each: int, models: Sequence[str] = CLASSIFIERS) -> list[Question]:
    """Ask each of these classifiers so many sentences; return them with the categories they got."""

    def ask(sentence: tuple[str, str]) -> Question:
        model, text = CATALOGUE[sentence[0]], sentence[1]
        answer = classify(text, model["modelType"], model["language"], token)
        assert answer.status_code == 200, answer.text
        body = {"text": text, "model_type": model["modelType"], "language": model["language"]}
        return Question(body, answer.json()["category_id"])

    sentences = [
        (name, f"{golden['text']} ({number})")
        for name in models
        for number, golden in enumerate(CATALOGUE[name]["goldenSentences"][:each])
    ]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(ask, sentences))


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """Install the chart with the demonstration hub, or find it installed with REUSE=1."""
    try:
        run("kubectl", "version")
    except (CommandError, FileNotFoundError) as error:
        pytest.fail(f"no cluster answers ({error}); `make cluster` brings one up, `make e2e` runs this suite")
    if os.environ.get("REUSE"):
        waited = kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=60s")
        yield Installation(helm("get", "notes", "veriaidpo"), waited, 0.0)
    else:
        yield install()
    if not (os.environ.get("KEEP") or os.environ.get("REUSE")):
        remove_everything()


@pytest.fixture(scope="session")
def tokens(installation: Installation) -> dict[str, str]:
    """Return a token of each role."""
    return {role: token(role) for role in ROLES}


@pytest.fixture(scope="session")
def questions(installation: Installation, tokens: dict[str, str]) -> list[Question]:
    """Return sentences with the category each gets while nothing is broken: right later on, too."""
    return answered(tokens["staff"], each=10)


@pytest.fixture
def traffic(questions: list[Question]) -> Traffic:
    """Return a load of all classifiers by several tenants, not yet begun."""
    return Traffic(questions, tenant_tokens(TENANTS))
