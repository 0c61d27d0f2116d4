"""Many models in one process: they come, are replaced and go while the others answer."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_predictor.serving import following

from .conftest import files
from .written_list import write_list

WRONG = [{"text": "We agree.", "label": "duty"}]


@dataclass
class Shared:
    """A shared predictor with the list that it follows."""

    client: httpx.Client
    folder: Path
    volume: Path
    publish_to: Callable[..., Path]
    content: Callable[..., dict[str, bytes]]

    def publish(self, name: str, note: str = "", **changes: Any) -> str:
        """Publish a revision; another note makes another one of the same model."""
        content = self.content() | {"labels.json": json.dumps(note).encode()}
        return self.publish_to(self.volume, name=name, content=content, **changes).name

    def wants(self, **changes: str | None) -> None:
        """Change the list as a kubelet does: it makes another folder and turns a link over to it."""
        listed = following.read(self.folder) | {k.replace("_", "-"): v for k, v in changes.items()}
        write_list(self.folder, {name: digest for name, digest in listed.items() if digest})

    def state(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/states").json().get(name, {})
        return found

    def until(self, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + 240
        while not condition(found := self.state(name)):
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found

    def ask(self, name: str) -> httpx.Response:
        return self.client.post(f"/v1/models/{name}:predict", json={"instances": ["We agree."]})

    @contextmanager
    def asking(self, name: str) -> Iterator[set[tuple[int, str]]]:
        """Keep asking a model; gives the set of what came back, status and revision."""
        seen: set[tuple[int, str]] = set()
        stop = threading.Event()

        def go() -> None:
            while not stop.is_set():
                found = self.ask(name)
                seen.add((found.status_code, found.json().get("model_revision", "")))

        thread = threading.Thread(target=go)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def shared(
    serve: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    publish_to: Callable[..., Path],
    repository: Callable[..., dict[str, bytes]],
) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    listed = folder / "list"
    steady = publish_to(folder, name="steady-en").name
    write_list(listed, {"steady-en": steady, "never-en": "0" * 64})
    process = serve("--models", listed, "--root", folder, "--no-auth", "--threads", "2")
    process.until_ready()
    with process.client() as client:
        yield Shared(client, listed, folder, publish_to, repository)


def is_serving(digest: str) -> Callable[[dict[str, Any]], bool]:
    return lambda found: (
        (found.get("serving") or {}).get("revision") == digest and (found["serving"]["state"] == "ready")
    )


def test_the_process_is_ready_although_one_model_never_will_be(shared: Shared) -> None:
    assert shared.client.get("/v2/health/ready").json() == {"ready": True}
    assert shared.ask("steady-en").status_code == 200
    refused = shared.state("never-en")["refused"]
    assert (refused["revision"], refused["state"]) == ("0" * 64, "failed")
    assert "is not a published revision" in refused["reason"]


def test_a_model_comes_and_goes_and_its_neighbour_notices_nothing(shared: Shared) -> None:
    digest = shared.publish("guest-en")
    with shared.asking("steady-en") as seen:
        shared.wants(guest_en=digest)
        shared.until("guest-en", is_serving(digest))
        assert shared.ask("guest-en").json()["model_revision"] == digest
        assert 'model="guest-en"' in shared.client.get("/metrics").text
        shared.wants(guest_en=None)
        shared.until("guest-en", lambda found: not found)
        assert shared.ask("guest-en").status_code == 404
        assert shared.client.get("/v2/models/guest-en/ready").status_code == 404
    assert {status for status, _ in seen} == {200}
    assert 'model="guest-en"' not in shared.client.get("/metrics").text


def test_another_revision_takes_the_place_of_the_one_before_without_a_failed_request(shared: Shared) -> None:
    one, other = shared.publish("moving-en", "one"), shared.publish("moving-en", "other")
    shared.wants(moving_en=one)
    shared.until("moving-en", is_serving(one))
    with shared.asking("moving-en") as seen:
        shared.wants(moving_en=other)
        shared.until("moving-en", is_serving(other))
        time.sleep(0.3)
    assert seen == {(200, one), (200, other)}
    told = [line for line in shared.client.get("/metrics").text.splitlines() if "model_info{" in line]
    assert [line for line in told if one in line] == []


def test_a_revision_that_answers_wrongly_is_refused_and_the_one_before_goes_on(shared: Shared) -> None:
    good, bad = shared.publish("trial-en", "good"), shared.publish("trial-en", "bad", goldenSentences=WRONG)
    shared.wants(trial_en=good)
    shared.until("trial-en", is_serving(good))
    with shared.asking("trial-en") as seen:
        shared.wants(trial_en=bad)
        found = shared.until("trial-en", lambda found: bool(found["refused"]))
    assert found["refused"] == {
        "revision": bad, "state": "rejected", "reason": "Golden sentence 1 got consent, not duty.",
    }  # fmt: skip
    assert found["serving"]["revision"] == good
    assert seen == {(200, good)}
    assert 'veriaidpo_model_ready{model="trial-en"} 1.0' in shared.client.get("/metrics").text


def test_a_list_that_is_none_changes_nothing(shared: Shared) -> None:
    stray = shared.folder / "other-en"
    stray.write_text("no digest")
    time.sleep(2.5)
    assert shared.ask("steady-en").status_code == 200
    stray.unlink()


def test_a_process_that_is_told_to_stop_while_it_loads_holds_it_against_nobody(
    serve: Callable[..., Any], tmp_path: Path, publish_to: Callable[..., Path]
) -> None:
    made = publish_to(tmp_path, name="long-en", content=files() | {"labels.json": b"{}"})
    os.truncate(made / "labels.json", LONG)
    told = json.loads((made / "manifest.json").read_text())
    told["files"]["labels.json"]["size"] = LONG
    (made / "manifest.json").write_text(json.dumps(told))
    write_list(tmp_path / "list", {"long-en": made.name})
    noted = tmp_path / "unfinished" / "long-en"
    process = serve(
        "--models", tmp_path / "list", "--root", tmp_path, "--no-auth", "--drain", "0",
        "--unfinished", noted.parent,
    )  # fmt: skip
    process.until_ready("/v2/health/live")
    end = time.monotonic() + 60
    while not noted.exists():
        assert time.monotonic() < end, process.log.read_text()
        time.sleep(0.01)
    assert process.terminate() == 0
    assert not noted.exists()


LONG = 64 << 30
"""A file of nothing that takes a minute to read, so that the process is told to stop before it is read."""


def test_it_does_not_start_with_both_directories_and_a_list(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    process = serve(tmp_path, "--models", tmp_path / "list", "--no-auth")
    assert process.process.wait(60) == 2
