"""The installation of the end-to-end suite, and a load on the other models for each group of rows."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ..e2e.cluster import CATALOGUE, CLASSIFIERS, classify
from ..e2e.conftest import TENANTS, Installation, installation, tenant_tokens
from ..e2e.traffic import Question, Traffic
from .rows import Load

__all__ = ["installation"]
_SENTENCES = 5


@pytest.fixture(scope="session")
def tenants(installation: Installation) -> list[str]:
    """Return a token for each of some tenants."""
    return tenant_tokens(TENANTS)


@pytest.fixture(scope="session")
def questions(tenants: list[str]) -> list[Question]:
    """Return sentences for each classifier with the category each gets while nothing is broken."""

    def asked(question: tuple[str, str]) -> Question:
        model, text = CATALOGUE[question[0]], question[1]
        body = {"text": text, "model_type": model["modelType"], "language": model["language"]}
        answer = classify(text, model["modelType"], model["language"], tenants[0])
        assert answer.status_code == 200, answer.text
        return Question(body, answer.json()["category_id"])

    texts = [
        (name, f"{golden['text']} ({number})")
        for name in CLASSIFIERS
        for number, golden in enumerate(CATALOGUE[name]["goldenSentences"][:_SENTENCES])
    ]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(asked, texts))


@pytest.fixture
def load(questions: list[Question], tenants: list[str]) -> Load:
    """Return the load of one group of rows, not yet begun."""
    return Load(Traffic(questions, tenants))
