"""A hub that wants a token, and Models that have none, a wrong one, or a Secret that is not there."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..e2e.cluster import kubectl
from ..e2e.models import apply_model, hub_arguments, source
from .models import like, ready, tells
from .rows import Load

REPOSITORY = "veriaidpo-demo/consent-vi"
RIGHT = "hf_right"


@contextmanager
def secret(name: str, token: str) -> Iterator[None]:
    kubectl("delete", "secret", name, "--ignore-not-found")
    kubectl("create", "secret", "generic", name, f"--from-literal=token={token}")
    try:
        yield
    finally:
        kubectl("delete", "secret", name, "--ignore-not-found")


@contextmanager
def private_hub() -> Iterator[None]:
    """Have the hub want a token."""
    kubectl("set", "env", "deployment/veriaidpo-hub", f"HUB_TOKEN={RIGHT}")
    try:
        with hub_arguments("--token=env"):
            yield
    finally:
        kubectl("set", "env", "deployment/veriaidpo-hub", "HUB_TOKEN-")
        kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")


def with_secret(name: str) -> dict[str, object]:
    return {**source(REPOSITORY), "authSecret": {"name": name, "key": "token"}}


def test_a_token_is_missing_or_wrong(load: Load) -> None:
    with (
        load,
        private_hub(),
        secret("token-right", RIGHT),
        secret("token-wrong", "hf_wrong"),
        ExitStack() as applied,
    ):
        missing = load.row(
            "token-missing", "the hub is private, the Model names no token",
            "SourceUnauthorized; Ready once spec.source.authSecret names one",
        )  # fmt: skip
        without = applied.enter_context(apply_model(like("consent-vi", "tokenless-vi")))
        wrong = load.row(
            "token-wrong", "the Secret holds a token the hub does not know",
            "SourceUnauthorized; Ready by itself once the Secret holds the right one",
        )  # fmt: skip
        bad = applied.enter_context(
            apply_model(like("consent-vi", "badtoken-vi", source=with_secret("token-wrong")))
        )
        absent = load.row(
            "token-secret-absent", "the Model names a Secret that is not there",
            "its pod says so in the condition; Ready by itself once the Secret is there",
        )  # fmt: skip
        gone = applied.enter_context(
            apply_model(like("consent-vi", "secretless-vi", source=with_secret("token-later")))
        )
        for row in (missing, wrong, absent):
            row.struck()
        missing.saw(f"{tells(without, 'SourceUnauthorized')} after {missing.after()} s")
        wrong.saw(f"{tells(bad, 'SourceUnauthorized')} after {wrong.after()} s")
        absent.saw(f"{tells(gone, 'MountFailed', 'ContainerConfigError')} after {absent.after()} s")
        named = json.dumps({"spec": {"source": {"authSecret": {"name": "token-right", "key": "token"}}}})
        kubectl("patch", "model", without, "--type=merge", "-p", named)
        missing.mended()
        right = json.dumps({"stringData": {"token": RIGHT}})
        kubectl("patch", "secret", "token-wrong", "--type=merge", "-p", right)
        wrong.mended()
        applied.enter_context(secret("token-later", RIGHT))
        absent.mended()
        for row, name in ((missing, without), (wrong, bad), (absent, gone)):
            ready(name, 400)
            row.healed()
