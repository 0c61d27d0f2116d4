"""What the gateway tells people about models (its examples, its fixed routes) is what the catalogue has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from veriaidpo_gateway.http.api import FIXED_TYPES

CATALOGUE = Path(__file__).parents[2] / "charts/veriaidpo/files/catalogue.yaml"
ENTRIES: list[dict[str, Any]] = yaml.safe_load(CATALOGUE.read_text("utf-8"))["models"]
TYPES = {name for entry in ENTRIES for name in (entry["modelType"], *entry["aliases"])}


@pytest.fixture
async def document(gateway: Any) -> Any:
    return (await gateway.public.get("/openapi.json")).json()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, however deep."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from objects(part)


def test_the_fixed_routes_are_for_types_of_the_catalogue() -> None:
    assert {model_type for model_type, _ in FIXED_TYPES.values()} <= TYPES


def test_examples_name_types_of_the_catalogue(document: Any) -> None:
    named = [
        name
        for one in objects(document)
        for name in (one.get("model_type"), *one.get("available_model_types", ()))
        if isinstance(name, str)
    ]
    assert len(named) > 5
    assert set(named) <= TYPES


def test_an_examples_label_is_the_one_of_its_category(document: Any) -> None:
    checked = 0
    for one in objects(document):
        if "prediction" not in one or not isinstance(one["prediction"], str):
            continue
        kind, language = one["model_type"], one["language"]
        (entry,) = (e for e in ENTRIES if (e["modelType"], e["language"]) == (kind, language))
        label = entry["labels"][one["category_id"]]
        assert one["prediction"] == label[language]
        if one.get("probabilities"):
            assert len(one["probabilities"]) == len(entry["labels"])
        checked += 1
    assert checked
