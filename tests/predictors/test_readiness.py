"""When a predictor says that it may be asked, and when it stops saying so."""

import json
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor import manifest, places
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.registry import open_models
from veriaidpo_predictor.serving.served import State

Serve = Callable[..., Any]
Publish = Callable[..., Path]


def test_a_model_that_gives_its_golden_sentences_their_labels_is_ready(serve: Serve, revision: Path) -> None:
    process = serve(revision, "--no-auth")
    assert process.until_ready().json() == {"ready": True}
    with process.client() as client:
        assert client.get("/v2/models/tiny-en/ready").json() == {"name": "tiny-en", "ready": True}
        assert client.get("/v1/models/tiny-en").json() == {"name": "tiny-en", "ready": True}


def test_one_wrong_golden_sentence_and_the_model_never_is_and_says_why(
    serve: Serve, volume: Path, publish_to: Publish
) -> None:
    golden = [{"text": "We agree.", "label": "consent"}, {"text": "We consent.", "label": "duty"}]
    process = serve(publish_to(volume, goldenSentences=golden), "--no-auth")
    sentence = {"error": "Golden sentence 2 got consent, not duty."}
    process.until_ready("/v2/health/live")
    with process.client() as client:
        while (found := client.get("/v2/health/ready")).json() != sentence:
            assert found.status_code == 503
            assert found.json() == {"error": "The model is loading."}
        for path in ("/v2/models/tiny-en/ready", "/v1/models/tiny-en"):
            assert (client.get(path).status_code, client.get(path).json()) == (503, sentence)
        refused = client.post("/v1/models/tiny-en:predict", json={"instances": ["a"]})
        assert (refused.status_code, refused.json()) == (503, sentence)
        assert refused.headers["retry-after"] == "5"
    assert process.terminate() == 0


def test_without_golden_sentences_a_fixed_text_is_answered_first(volume: Path, publish_to: Publish) -> None:
    pool = Pool(1)
    (model,) = open_models([publish_to(volume, goldenSentences=[])], pool=pool, limits=Limits())
    model.load()
    pool.stop()
    assert (model.state, model.reason) == (State.READY, "")


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "link"])
def test_a_damaged_file_is_found_before_the_model_is_loaded(
    revision: Path, tmp_path: Path, damage: str
) -> None:
    path = revision / "onnx" / "model.onnx"
    whole = path.read_bytes()
    path.unlink()
    if damage == "flipped":
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    elif damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "link":
        (tmp_path / "elsewhere").write_bytes(whole)
        path.symlink_to(tmp_path / "elsewhere")
    pool = Pool(1)
    (model,) = open_models([revision], pool=pool, limits=Limits())
    model.load()
    pool.stop()
    assert model.state is State.FAILED
    assert model.reason.startswith("onnx/model.onnx of revision ")


@pytest.mark.parametrize("damage", ["file", "manifest"])
def test_a_process_with_nothing_but_a_damaged_revision_ends_and_says_why(
    serve: Serve, revision: Path, tmp_path: Path, damage: str
) -> None:
    if damage == "file":
        (revision / "vocab.txt").write_text("other\n")
    else:
        body = json.loads((revision / "manifest.json").read_bytes())
        body["files"]["onnx/model.onnx"]["sha256"] = "0" * 64
        (revision / "manifest.json").write_text(json.dumps(body))
    said = tmp_path / "termination-log"
    process = serve(revision, "--no-auth", environment={"TERMINATION_LOG": str(said)})
    assert process.process.wait(30) == 1
    found = json.loads(said.read_bytes())
    assert found["reason"] == "NotServed"
    assert ("vocab.txt" if damage == "file" else "the digest of its own files") in found["message"]


def test_a_damaged_model_does_not_take_the_others_down(
    serve: Serve, volume: Path, publish_to: Publish
) -> None:
    damaged = publish_to(volume, name="damaged-en")
    (damaged / "vocab.txt").write_text("other\n")
    unpublished = publish_to(volume, name="unpublished-en")
    (unpublished / "manifest.json").unlink()
    process = serve(damaged, unpublished, publish_to(volume), "--no-auth")
    process.until_ready("/v2/models/tiny-en/ready")
    with process.client() as client:
        assert client.post("/v1/models/tiny-en:predict", json={"instances": ["law"]}).status_code == 200
        assert client.get("/v2/models/damaged-en/ready").status_code == 503
        assert client.get("/v2/health/ready").status_code == 503


def test_a_graph_with_other_labels_than_the_manifest_is_not_served(volume: Path, publish_to: Publish) -> None:
    labels = [{"id": "one", "en": "One", "vi": "Một"}, {"id": "two", "en": "Two", "vi": "Hai"}]
    pool = Pool(1)
    revision = publish_to(volume, labels=labels, goldenSentences=[])
    (model,) = open_models([revision], pool=pool, limits=Limits())
    model.load()
    pool.stop()
    assert model.state is State.FAILED
    assert "not one score for each label" in model.reason


def test_a_revision_for_torch_is_not_served_without_torch_and_says_so(
    volume: Path, publish_to: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "veriaidpo_predictor.computing.torch_network", raising=False)
    pool = Pool(1)
    (model,) = open_models([publish_to(volume, format="torch-fp32")], pool=pool, limits=Limits())
    model.load()
    pool.stop()
    assert model.state is State.FAILED
    assert model.reason == "The revision is for the runtime torch, which this image does not have."


def test_the_folder_of_a_model_stands_for_its_only_revision(
    revision: Path, volume: Path, publish_to: Publish, repository: Callable[..., dict[str, bytes]]
) -> None:
    assert places.find(volume / "models" / "tiny-en") == revision
    publish_to(volume, content=repository() | {"labels.json": b"[]"})
    with pytest.raises(manifest.ManifestError, match="has 2 published revisions"):
        places.find(volume / "models" / "tiny-en")


def test_at_sigterm_it_is_unready_at_once_answers_on_and_ends_with_0(serve: Serve, revision: Path) -> None:
    process = serve(revision, "--no-auth", "--drain", "1.5")
    process.until_ready()
    statuses: list[int] = []
    stop = threading.Event()

    def keep_asking() -> None:
        with process.client() as client:
            while not stop.is_set():
                statuses.append(
                    client.post("/v1/models/tiny-en:predict", json={"instances": ["tax"]}).status_code
                )

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        process.process.terminate()
        process.until_ready(status=503)
        before = len(statuses)
        with process.client() as client:
            assert client.get("/v2/models/tiny-en/ready").json() == {"error": "The predictor is stopping."}
        while len(statuses) < before + 20:
            assert process.process.poll() is None
    finally:
        stop.set()
        asking.join()
    assert process.process.wait(30) == 0
    assert set(statuses) == {200}


def test_at_sigterm_what_is_being_answered_is_answered(serve: Serve, revision: Path) -> None:
    process = serve(revision, "--no-auth", "--drain", "0")
    process.until_ready()
    body = b'{"instances": ["The customer does agree."]}'
    address = ("127.0.0.1", int(process.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=30) as caller:
        head = f"POST /v1/models/tiny-en:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
        caller.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        assert caller.recv(100).startswith(
            b"HTTP/1.1 100 "
        )  # the body is being read: the request is under way
        process.process.terminate()
        while listens(address):
            assert process.process.poll() is None
        caller.sendall(body)
        answer = b""
        while part := caller.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"label":"consent"' in answer
    assert process.process.wait(30) == 0


def listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_it_does_not_start_without_saying_whom_to_trust(serve: Serve, revision: Path) -> None:
    process = serve(revision)
    assert process.process.wait(30) == 2
    assert "--trust FILE, or --no-auth" in process.log.read_text()


def test_it_does_not_start_with_a_trust_file_without_keys(
    serve: Serve, revision: Path, tmp_path: Path
) -> None:
    (tmp_path / "trust.pem").write_text("nothing\n")
    process = serve(revision, "--trust", tmp_path / "trust.pem")
    assert process.process.wait(30) == 2
    assert "has no public key" in process.log.read_text()
