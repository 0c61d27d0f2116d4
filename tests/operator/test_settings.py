"""Settings come from the environment, and a wrong one is named with what to set."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from veriaidpo_operator.__main__ import main
from veriaidpo_operator.settings import SettingsError, read

NEEDED = {"NAMESPACE": "ns", "PREDICTOR_IMAGE": "predictor:1", "FETCH_IMAGE": "fetch:1"}


def test_three_are_needed_and_the_rest_has_defaults() -> None:
    settings = read(NEEDED)
    assert (settings.namespace, settings.predictor_image, settings.fetch_image) == (
        "ns",
        "predictor:1",
        "fetch:1",
    )
    assert settings.service_trust_configmap == "veriaidpo-service-trust"
    assert (settings.resync_seconds, settings.fetch_retry_seconds, settings.liveness_port) == (15, 15, 8080)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_missing_one_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({k: v for k, v in NEEDED.items() if k != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FETCH_RETRY_SECONDS", "soon"),
        ("MAX_DOWNLOADS", "-1"),
        ("MAX_DOWNLOADS", "many"),
        ("RESYNC_SECONDS", "0"),
        ("POLL_SECONDS", "-1"),
        ("STALLED_SECONDS", "nan"),
        ("LIVENESS_PORT", "http"),
        ("LIVENESS_PORT", "70000"),
        ("METRICS_PORT", "metrics"),
        ("MESSAGE_LANGUAGE", "fr"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({**NEEDED, name: value})


class Asked(dict[str, str]):
    """An environment that knows what was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    environ = Asked(NEEDED)
    read(environ)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert environ.names - set(re.findall(r"\w+", capsys.readouterr().out)) == set()


def test_empty_means_unset() -> None:
    empty = {"HF_ENDPOINT": "", "FETCH_RETRY_SECONDS": "", "IMAGE_PULL_SECRETS": "", "LIVENESS_PORT": ""}
    empty |= {"MESSAGE_LANGUAGE": ""}
    assert read({**NEEDED, **empty}) == read(NEEDED)


def test_what_predictors_tell_a_collector() -> None:
    assert (read(NEEDED).traces_endpoint, read(NEEDED).traces_ratio) == ("", "1")
    given = read({**NEEDED, "TRACES_ENDPOINT": " http://c:4318 ", "TRACES_RATIO": "0.1"})
    assert (given.traces_endpoint, given.traces_ratio) == ("http://c:4318", "0.1")


def test_pull_secrets_are_a_list() -> None:
    assert read({**NEEDED, "IMAGE_PULL_SECRETS": "a, b"}).image_pull_secrets == ("a", "b")


def test_conditions_are_in_english_unless_another_language_is_chosen() -> None:
    assert read(NEEDED).sentences.language == "en"
    assert read({**NEEDED, "MESSAGE_LANGUAGE": "vi"}).sentences.language == "vi"


def test_the_command_says_what_is_missing_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NAMESPACE", raising=False)
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("veriaidpo-operator: NAMESPACE is not set")


def test_help_lists_the_commands_and_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in ("crd", "NAMESPACE", "FETCH_IMAGE", "PREDICTOR_IMAGE"):
        assert word in text
