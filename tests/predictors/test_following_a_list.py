"""What follows a list of models, without a server: when each is opened, refused, tried again and dropped."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

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
from .written_list import write_list

WRONG = [{"text": "We agree.", "label": "duty"}]


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.stop()


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
