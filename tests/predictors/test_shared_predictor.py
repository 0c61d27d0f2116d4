"""Many models in one process: they come, are replaced and go while the others answer."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving import following, rechecking
from veriaidpo_predictor.serving.following import Changes, Follower, ListError
from veriaidpo_predictor.serving.registry import open_one
from veriaidpo_predictor.serving.served import Served, State
from veriaidpo_predictor.serving.shared import SharedRegistry
from veriaidpo_predictor.serving.unfinished import AGAIN_SECONDS, ENDED, Unfinished

from .conftest import files

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


def write_list(folder: Path, listed: dict[str, str]) -> None:
    made = folder / f"..{time.monotonic_ns()}"
    made.mkdir(parents=True)
    for name, digest in listed.items():
        (made / name).write_text(digest + "\n")
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..new").symlink_to(made.name)
    (folder / "..new").replace(folder / "..data")
    for path in folder.iterdir():
        if not path.name.startswith("..") and path.name not in listed:
            path.unlink()


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


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.stop()


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


class Alone:
    """A follower without a server, and what it opened and dropped; time passes when the test says so."""

    def __init__(self, folder: Path, pool: Pool) -> None:
        self.folder, self.pool, self.now = folder, pool, 0.0
        self.opened, self.dropped = list[str](), list[str]()
        self._gone = list[AbstractContextManager[None]]()
        self.start()

    def start(self) -> None:
        """Begin anew, as another process in the same pod would."""
        self.registry = SharedRegistry()
        self.follower = Follower(
            self.folder / "list",
            self.folder,
            self.registry,
            open_one=self._open,
            serve=lambda _: None,
            drop=self.dropped.append,
            unfinished=Unfinished(self.folder / "unfinished", clock=lambda: self.now),
            clock=lambda: self.now,
            pause=lambda _: None,
        )

    def _open(self, directory: Path) -> Served:
        self.opened.append(directory.name)
        return open_one(directory, pool=self.pool, limits=Limits())

    def note(self, name: str) -> Path:
        return self.folder / "unfinished" / name

    def ends_while_loading(self, name: str, entry: str) -> None:
        """Begin a load of which nothing more is heard, and begin anew."""
        load = Unfinished(self.folder / "unfinished", clock=lambda: self.now).loading(name, entry)
        load.__enter__()
        self._gone.append(load)
        self.start()

    def wants(self, **entries: str) -> dict[str, Any]:
        """Follow another list; gives the states then."""
        write_list(self.folder / "list", {name.replace("_", "-"): entry for name, entry in entries.items()})
        self.follower.look()
        return self.registry.states()


@pytest.fixture
def alone(tmp_path: Path, pool: Pool) -> Alone:
    return Alone(tmp_path, pool)


def test_a_model_that_leaves_the_list_as_its_refused_revision_is_due_again_is_unloaded(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    alone.wants(leaving_en=publish_to(alone.folder, name="leaving-en").name)
    found = alone.wants(leaving_en="0" * 64)["leaving-en"]
    assert ((found["serving"] or {})["state"], (found["refused"] or {})["state"]) == ("ready", "failed")
    alone.now += following.AGAIN_SECONDS + 1
    assert (alone.wants(), alone.dropped) == ({}, ["leaving-en"])


def test_a_revision_that_came_after_a_refused_one_is_not_loaded_again_when_that_would_be_due(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    good = publish_to(alone.folder, name="third-en").name
    alone.wants(third_en="0" * 64)
    alone.wants(third_en=good)
    alone.now += following.AGAIN_SECONDS + 1
    assert alone.wants(third_en=good)["third-en"]["refused"] is None
    assert alone.opened == ["0" * 64, good]


def test_going_back_to_what_still_answers_loads_nothing(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    good = publish_to(alone.folder, name="back-en").name
    alone.wants(back_en=good)
    alone.wants(back_en="0" * 64)
    found = alone.wants(back_en=good)["back-en"]
    assert (found["listed"], found["refused"], found["serving"]["state"]) == (good, None, "ready")
    assert alone.opened == [good, "0" * 64]


def test_what_was_damaged_while_it_answered_is_looked_at_again_as_a_refused_one_is(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    made = publish_to(alone.folder, name="rotten-en")
    sound = (made / "vocab.txt").read_bytes()
    alone.wants(rotten_en=made.name)
    (made / "vocab.txt").write_bytes(sound + b"x")
    rechecking.recheck(alone.registry, lambda _: None)
    assert alone.wants(rotten_en=made.name)["rotten-en"]["serving"]["state"] == "failed"
    (made / "vocab.txt").write_bytes(sound)
    alone.now += following.AGAIN_SECONDS + 1
    assert alone.wants(rotten_en=made.name)["rotten-en"]["serving"]["state"] == "ready"


def test_another_number_after_the_digest_has_the_same_revision_tried_again(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    made = publish_to(alone.folder, name="mended-en")
    away = made.rename(made.with_name("away"))
    assert alone.wants(mended_en=made.name)["mended-en"]["refused"]["state"] == "failed"
    away.rename(made)
    found = alone.wants(mended_en=f"{made.name} 1")["mended-en"]
    assert (found["listed"], found["refused"]) == (f"{made.name} 1", None)
    assert found["serving"]["revision"] == made.name


def test_what_the_process_ended_of_once_is_loaded_again_and_remembered_no_more(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    good = publish_to(alone.folder, name="unlucky-en").name
    alone.ends_while_loading("unlucky-en", good)
    assert alone.wants(unlucky_en=good)["unlucky-en"]["serving"]["state"] == "ready"
    alone.ends_while_loading("unlucky-en", good)
    assert alone.wants(unlucky_en=good)["unlucky-en"]["serving"]["state"] == "ready"


def test_what_the_process_ended_of_twice_is_not_loaded_by_the_next_and_its_neighbour_is(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    neighbour, fatal = (publish_to(alone.folder, name=name).name for name in ("neighbour-en", "fatal-en"))
    for _ in range(2):
        alone.ends_while_loading("fatal-en", fatal)
    found = alone.wants(fatal_en=fatal, neighbour_en=neighbour)
    assert (found["fatal-en"]["refused"]["state"], found["fatal-en"]["serving"]) == ("rejected", None)
    assert found["fatal-en"]["refused"]["reason"] == ENDED
    assert found["neighbour-en"]["serving"]["state"] == "ready"
    assert alone.opened == [neighbour]
    assert alone.wants(fatal_en=f"{fatal} 1")["fatal-en"]["serving"]["state"] == "ready"


def test_it_is_loaded_once_more_after_an_hour(alone: Alone, publish_to: Callable[..., Path]) -> None:
    fatal = publish_to(alone.folder, name="fatal-en").name
    for _ in range(2):
        alone.ends_while_loading("fatal-en", fatal)
    alone.wants(fatal_en=fatal)
    alone.now += AGAIN_SECONDS - 1
    assert alone.wants(fatal_en=fatal)["fatal-en"]["refused"]
    alone.now += 2
    assert alone.wants(fatal_en=fatal)["fatal-en"]["serving"]["state"] == "ready"


def test_a_load_is_remembered_until_it_ends_and_not_while_the_one_before_is_retired(
    alone: Alone, publish_to: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = publish_to(alone.folder, name="noted-en").name
    other = publish_to(alone.folder, name="noted-en", content=files() | {"labels.json": b"{}"}).name
    seen: list[bool] = []
    load = Served.load

    def watched(model: Served) -> None:
        seen.append(alone.note("noted-en").exists())
        load(model)

    monkeypatch.setattr(Served, "load", watched)
    alone.follower.pause = lambda _: seen.append(alone.note("noted-en").exists())
    alone.wants(noted_en=one)
    alone.wants(noted_en=other)
    assert seen == [True, True, False]


def test_a_load_that_raises_is_over_refused_and_tried_again_and_the_others_are_loaded(
    alone: Alone, publish_to: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, next_one = (publish_to(alone.folder, name=name).name for name in ("a-odd-en", "b-next-en"))
    load = Served.load

    def fails_once(model: Served) -> None:
        if model.name == "a-odd-en":
            raise RuntimeError

        load(model)

    monkeypatch.setattr(Served, "load", fails_once)
    found = alone.wants(a_odd_en=odd, b_next_en=next_one)
    assert found["a-odd-en"]["refused"]["reason"] == "The model could not be loaded (RuntimeError)."
    assert found["b-next-en"]["serving"]["state"] == "ready"
    assert not alone.note("a-odd-en").exists()
    monkeypatch.undo()
    alone.now += following.AGAIN_SECONDS + 1
    assert alone.wants(a_odd_en=odd, b_next_en=next_one)["a-odd-en"]["serving"]["state"] == "ready"


def test_it_goes_on_following_after_what_nobody_expected(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    good = publish_to(alone.folder, name="later-en").name
    alone.wants()
    write_list(alone.folder / "list", {"later-en": good})
    clock, stop, failed = alone.follower.clock, threading.Event(), threading.Event()

    def fails_once() -> float:
        if failed.is_set():
            return clock()
        failed.set()
        raise RuntimeError

    alone.follower.clock = fails_once
    thread = threading.Thread(target=alone.follower.follow, args=(stop,))
    thread.start()
    end = time.monotonic() + 60
    while not alone.registry.states() and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert alone.registry.states()["later-en"]["serving"]["revision"] == good


def test_what_was_published_anew_under_the_same_digest_is_loaded_anew(
    alone: Alone, publish_to: Callable[..., Path]
) -> None:
    made = publish_to(alone.folder, name="repaired-en")
    alone.wants(repaired_en=made.name)
    publish_to(alone.folder, name="repaired-en", createdAt="2026-11-24T00:00:00Z")
    found = alone.wants(repaired_en=f"{made.name} 1")["repaired-en"]
    assert (found["serving"]["state"], found["refused"]) == ("ready", None)
    assert alone.opened == [made.name] * 2
    rechecking.recheck(alone.registry, lambda _: None)
    assert alone.wants(repaired_en=f"{made.name} 1")["repaired-en"]["serving"]["state"] == "ready"


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


def test_a_revision_that_never_answers_gives_back_what_it_holds(
    tmp_path: Path, publish_to: Callable[..., Path], pool: Pool
) -> None:
    held = len(pool._queues)
    model = open_one(publish_to(tmp_path, goldenSentences=WRONG), pool=pool, limits=Limits())
    model.load()
    assert model.state is State.REJECTED
    assert len(pool._queues) == held


def test_what_a_list_asks_for() -> None:
    one, two, three = "1" * 64, "2" * 64, "3" * 64
    found = following.changes({"a": one, "b": two, "d": one}, {"a": one, "b": three, "c": two})
    assert found == Changes(load={"b": two, "d": one}, unload=frozenset({"c"}))


@pytest.mark.parametrize(
    ("name", "text"), [("a", ""), ("a", "0" * 64 + " x"), ("a", "short"), ("A b", "0" * 64), ("a", "é" * 64)]
)
def test_a_list_is_names_and_digests(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "good-en").write_text("0" * 64)
    assert following.read(tmp_path) == {"good-en": "0" * 64}
    (tmp_path / name).write_text(text)
    with pytest.raises(ListError):
        following.read(tmp_path)
    with pytest.raises(ListError):
        following.read(tmp_path / "nowhere")


def test_it_does_not_start_with_both_directories_and_a_list(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    process = serve(tmp_path, "--models", tmp_path / "list", "--no-auth")
    assert process.process.wait(60) == 2
