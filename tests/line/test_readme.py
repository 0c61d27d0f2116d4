"""What pages have people type, typed as it stands there; those for a cluster are typed by tests/e2e."""

import subprocess

import pytest

from ..documents import REPO, commands
from .conftest import DEMO, TEST, Demo
from .test_demo import free_port


def test_two_commands_do_everything_on_a_bare_machine() -> None:
    assert (DEMO, TEST) == ("make demo", "make test")


def test_the_cluster_is_brought_up_and_filled_as_the_suite_does_it() -> None:
    # tests/e2e types what the README says from `helm install` on; what comes before it, hack/e2e does.
    (typed,) = commands("README.md", "On kind, or without Docker")
    assert typed == ['eval "$(make --silent cluster)"', "make images"]
    assert [typed] == commands("docs/install.md", "A cluster to try it on")
    suite = (REPO / "hack/e2e").read_text() + (REPO / "hack/on_cluster.sh").read_text()
    for target in ("cluster", "images"):
        (command,) = subprocess.run(
            ["make", "--dry-run", "--silent", target], cwd=REPO, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert command in suite, command


def test_the_demo_serves_and_the_commands_it_prints_work(demo: Demo) -> None:
    said = demo.type(demo.printed)
    assert '"prediction":' in said
    assert '"model":' in said or '"models":' in said
    assert '"status":"healthy"' in said.replace(" ", "")


def test_the_worked_example_of_decisions_ends_as_the_page_says(demo: Demo) -> None:
    (example, *_) = commands("docs/decisions.md", "By hand: a worked example")
    said = demo.type(*example)
    assert '"model_revision":' in said
    assert '"text_hash":' in said
    assert said.splitlines()[-1].startswith("proven: nothing was removed, changed, added, moved or cut / ")
    export = demo.folder / "records.ndjson"
    *before, last = export.read_text().splitlines(keepends=True)
    export.write_text("".join(before) + last.replace('"subject":"', '"subject":"x'))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        demo.type(example[-1])
    assert failed.value.returncode == 1
    named, *_, verdict = failed.value.stdout.splitlines()
    assert named.startswith("changed: chain ")
    assert verdict.startswith("NOT PROVEN / ")


def test_the_comparison_of_migrate_finds_what_differs(demo: Demo) -> None:
    (compared,) = commands("docs/migrate.md", "2. Compare")
    (demo.folder / "sentences.tsv").write_text(
        "principles\tShopee VN thu thập email khách hàng\nlegal_basis\tTiki thu thập số điện thoại\n"
    )
    beginning = ". .demo/env; TOKEN=$VERIAIDPO_TOKEN_STAFF NEW=$VERIAIDPO_URL/api/v1/veriaidpo OLD="
    assert (
        demo.type("\n".join([f"{beginning}$VERIAIDPO_URL/api/v1/veriaidpo", *compared])) == "0 of 2 differ\n"
    )
    # Where nothing answers to the route, there is an error in place of a label.
    differing = demo.type("\n".join([f"{beginning}$VERIAIDPO_URL/nowhere", *compared])).splitlines()
    assert [line.split()[0] for line in differing] == ["error", "error", "2"]
    assert differing[-1] == "2 of 2 differ"


def test_a_gateway_and_a_predictor_of_the_checkout_run_beside_the_demo(demo: Demo) -> None:
    (_, gateway, predictor, (ask,), _) = commands("docs/develop.md", "Debugging")
    ports = {port: str(free_port()) for port in ("8002", "9091", "8003")}
    rooms = {f"$(hack/env {room})": f".venv/{room}" for room in ("gateway", "predictors")}

    def here(line: str) -> str:
        for written, meant in (ports | rooms).items():
            line = line.replace(written, meant)
        return line

    *settings, serve = map(here, gateway)
    verify, serve_model = map(here, predictor)
    until = "curl -s --retry 40 --retry-delay 1 --retry-connrefused"
    said = demo.type(
        "\n".join(
            [
                "trap 'kill $(jobs -p)' EXIT",
                *settings,
                f"{serve} 2>gateway.log &",
                verify,
                f"{serve_model} 2>predictor.log &",
                f"{until} http://127.0.0.1:{ports['8002']}/health",
                here(ask).replace("curl -s", until),
            ]
        )
    )
    assert '"servable":["breach_severity"' in said
    assert '"name":"category_id"' in said
