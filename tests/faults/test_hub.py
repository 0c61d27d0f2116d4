"""The hub refuses, lies, breaks off or is away: the Model says so, and gets over it."""

from contextlib import ExitStack

from ..e2e.cluster import CATALOGUE, condition, eventually, get, hub_bytes, kubectl
from ..e2e.models import apply_model, hub_arguments, hub_pods
from .models import fetch_again, like, ready, tells
from .rows import Load

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
    graphs = {"hub-truncates": "principles-vi", "hub-stalls": "principles-en"}
    cut, silent = (f"{repository(entry)}/onnx/model.onnx" for entry in graphs.values())
    with (
        load,
        hub_arguments(f"--cut={cut}", f"--stall={silent}=60"),
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
        assert hub_bytes(repository("principles-vi")) == total
        half.saw(f"{total} of {total} bytes sent")
        ready(stalled)
        pause.healed()
        status = get("model", stalled)["status"]["download"]
        assert status["attempt"] == 1
        pause.saw("Ready in the first attempt")


def test_a_hub_that_lies(load: Load) -> None:
    lies = (
        ("hub-flips", "principles-vi", "--flip={}", "the hub sends the graph with one bit changed"),
        (
            "hub-claims-more",
            "principles-en",
            "--claim={}=9000000",
            "the hub lists the graph longer than it is",
        ),
        (
            "hub-claims-less",
            "legal-basis-vi",
            "--claim={}=1000000",
            "the hub lists the graph shorter than it is",
        ),
    )
    with load, ExitStack() as applied:
        rows = []
        with hub_arguments(*(f.format(f"{repository(e)}/onnx/model.onnx") for _, e, f, _ in lies)):
            for lie, entry, _, fault in lies:
                row = load.row(lie, fault, "ChecksumMismatch, nothing served; Ready after fetch-again")
                language = str(CATALOGUE[entry]["language"])
                rows.append((row, applied.enter_context(apply_model(like(entry, f"{lie}-{language}")))))
                row.struck()
            for row, name in rows:
                row.saw(f"{tells(name, 'ChecksumMismatch')} after {row.after()} s")
                assert condition(name, "Verified")["status"] == "False"
                assert condition(name, "Servable")["status"] == "False"
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
