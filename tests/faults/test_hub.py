"""The hub refuses, lies, breaks off or is away: the Model says so, and gets over it."""

import json
import re
from contextlib import ExitStack

from ..e2e.cluster import CATALOGUE, condition, eventually, get, hub_bytes, kubectl
from ..e2e.models import apply_model, hub_arguments, hub_pods, source
from .models import fetch_again, like, ready, tells
from .plain import digest, download, in_pieces
from .rows import Load

GRAPH = "onnx/model.onnx"
REFUSALS = (
    ("hub-401", "consent-vi", 401, "SourceUnauthorized"),
    ("hub-404", "cross-border-vi", 404, "SourceNotFound"),
    ("hub-429", "data-retention-vi", 429, "SourceUnreachable"),
    ("hub-500", "breach-severity-vi", 500, "SourceUnreachable"),
)


def repository(entry: str) -> str:
    return str(CATALOGUE[entry]["demo"]["repo"])


def test_a_hub_that_refuses(load: Load) -> None:
    options = [f"--refuse={repository(entry)}={status}" for _, entry, status, _ in REFUSALS]
    with load, ExitStack() as applied:
        with hub_arguments(*options):
            rows = []
            for fault, entry, status, reason in REFUSALS:
                row = load.row(
                    fault, f"the hub answers {status}", f"{reason}; Ready by itself once it answers"
                )
                row.control = in_pieces(repository(entry), GRAPH)
                assert str(status) in row.control
                name = applied.enter_context(apply_model(like(entry, f"{fault}-vi")))
                row.struck()
                rows.append((row, name, reason))
            for row, name, reason in rows:
                told = tells(name, reason)
                row.saw(f"{told} after {row.after()} s")
                services = {one["metadata"]["name"] for one in get("inferenceservices")["items"]}
                assert name not in services, "nothing of it is served"
        for row, _, _ in rows:
            row.mended()
        for row, name, _ in rows:
            ready(name, 240)
            row.healed()


def test_a_hub_that_breaks_off_and_one_that_is_silent(load: Load) -> None:
    cut, silent = repository("principles-vi"), repository("principles-en")
    with (
        load,
        hub_arguments(f"--cut={cut}/{GRAPH}", f"--stall={silent}/{GRAPH}=60"),
        apply_model(like("principles-vi", "cut-vi")) as broken,
        apply_model(like("principles-en", "silent-en")) as stalled,
    ):
        half = load.row(
            "hub-truncates", "the hub closes the connection in the middle of the graph",
            "the same Job goes on from there: Ready, each byte sent once",
        )  # fmt: skip
        pause = load.row(
            "hub-stalls", "the hub is silent for 60 s in the middle of the graph",
            "given up after 30 s and resumed: Ready, the Job did not fail",
        )  # fmt: skip
        ready(broken)
        half.healed()
        total = get("model", broken)["status"]["download"]["bytesTotal"]
        assert hub_bytes(cut) == total
        half.saw(f"{total} of {total} bytes sent")
        ready(stalled)
        pause.healed()
        status = get("model", stalled)["status"]["download"]
        assert status["attempt"] == 1
        pause.saw("Ready in the first attempt")
        half.control = in_pieces(cut, GRAPH)
        pause.control = in_pieces(silent, GRAPH)
        assert "for all there are" in half.control
        assert re.search(r"a pause of 6\d s", pause.control)


MISMATCH, AWAY = "ChecksumMismatch", "SourceUnreachable"
LIES = (
    ("hub-flips", "principles-vi", "--flip={}", "the hub sends the graph with one bit changed", MISMATCH),
    (
        # Nobody can tell it from a connection that breaks off: the rest is asked for until patience ends.
        "hub-claims-more", "principles-en", "--claim={}=9000000", "the hub lists the graph longer than it is",
        AWAY,
    ),
    (
        "hub-claims-less", "legal-basis-vi", "--claim={}=1000000",
        "the hub lists the graph shorter than it is", MISMATCH,
    ),
)  # fmt: skip


def test_a_hub_that_lies(load: Load) -> None:
    with load, ExitStack() as applied:
        rows = []
        with hub_arguments(*(option.format(f"{repository(e)}/{GRAPH}") for _, e, option, *_ in LIES)):
            for lie, entry, _, fault, reason in LIES:
                row = load.row(lie, fault, f"{reason}, nothing served; Ready after fetch-again")
                row.control = taken(entry)
                language = str(CATALOGUE[entry]["language"])
                name = applied.enter_context(apply_model(like(entry, f"{lie}-{language}")))
                row.struck()
                rows.append((row, name, reason))
            for row, name, reason in rows:
                row.saw(f"{tells(name, reason)} after {row.after()} s")
                assert (condition(name, "Verified")["status"] == "False") == (reason == MISMATCH)
                assert condition(name, "Servable")["status"] == "False"
        for row, name, _ in rows:
            fetch_again(name, "mended")
            row.mended()
        for row, name, _ in rows:
            ready(name)
            row.healed()


def taken(entry: str) -> str:
    """Say what a download without a look at digests or sizes takes of a graph."""
    found = download(repository(entry), GRAPH)
    is_same = found.sha256 == digest(entry, GRAPH)
    what = "the true bytes, whatever the list says" if is_same else "the changed bytes"
    return f"a plain download takes {what} ({found.size} bytes)"


def test_a_file_that_changed_under_its_name(load: Load) -> None:
    """The Model names the digest of the graph it was written for; the source has another by now."""
    entry, name = "principles-vi", "changed-vi"
    other, own = ({"path": GRAPH, "sha256": digest(one, GRAPH)} for one in ("legal-basis-vi", entry))
    pinned = {**source(repository(entry)), "files": [other]}
    with load, apply_model(like(entry, name, source=pinned)):
        row = load.row(
            "hub-changed", "the source has another file under a name than the one whose digest the Model has",
            "ChecksumMismatch before a byte is fetched; Ready once the Model names the new digest",
        )  # fmt: skip
        before = hub_bytes(repository(entry))
        row.struck()
        row.saw(f"{tells(name, 'ChecksumMismatch')} after {row.after()} s")
        assert hub_bytes(repository(entry)) == before
        there = download(repository(entry), GRAPH)
        row.control = f"a plain download takes what is there now ({there.size} bytes)"
        change = json.dumps({"spec": {"source": {"files": [own]}}})
        kubectl("patch", "model", name, "--type=merge", "-p", change)
        row.mended()
        ready(name)
        row.healed()


REDIRECTS = (
    ("redirect-inside", "principles-vi", "http://veriaidpo-gateway:8001/health", "a service of the cluster"),
    ("redirect-link-local", "principles-en", "https://169.254.169.254/latest", "a link-local address"),
    ("redirect-outside", "legal-basis-vi", "https://elsewhere.example/it", "a host that is not on the list"),
)


def test_a_hub_that_sends_elsewhere(load: Load) -> None:
    options = [f"--redirect={repository(entry)}/config.json={url}" for _, entry, url, _ in REDIRECTS]
    with load, ExitStack() as applied:
        rows = []
        with hub_arguments(*options):
            for fault, entry, url, where in REDIRECTS:
                row = load.row(
                    fault, f"the hub says that a file is at {where}: {url}",
                    "SourceRefused, nothing is asked of it; Ready after fetch-again",
                )  # fmt: skip
                language = str(CATALOGUE[entry]["language"])
                rows.append((row, applied.enter_context(apply_model(like(entry, f"{fault}-{language}")))))
                row.struck()
            for row, name in rows:
                row.saw(f"{tells(name, 'SourceRefused')} after {row.after()} s")
            found = download(repository("principles-vi"), "config.json")
            rows[0][0].control = f"a plain download follows, and takes what is there: {found.begin}"
        for row, name in rows:
            fetch_again(name, "mended")
            row.mended()
        for row, name in rows:
            ready(name)
            row.healed()


def test_a_hub_that_is_away(load: Load) -> None:
    with load:
        row = load.row("hub-down", "the hub has no pod", "SourceUnreachable; Ready by itself once it is back")
        kubectl("scale", "deployment/veriaidpo-hub", "--replicas=0")
        try:
            eventually(lambda: not hub_pods(), "the hub's pod has gone", 60)
            with apply_model(like("consent-vi", "away-vi")) as name:
                row.struck()
                row.saw(f"{tells(name, 'SourceUnreachable')} after {row.after()} s")
                kubectl("scale", "deployment/veriaidpo-hub", "--replicas=1")
                row.mended()
                ready(name, 240)
                row.healed()
        finally:
            kubectl("scale", "deployment/veriaidpo-hub", "--replicas=1")
            kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")
