"""The commands a person types; the quick ones must be quick."""

import subprocess
import sys
from pathlib import Path

import pytest

from veriaidpo_predictor import __main__ as cli
from veriaidpo_predictor.outcome import Reason


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "veriaidpo_predictor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", [[], ["serve"], ["fetch"], ["verify"], ["list"]])
def test_help_names_every_command_and_option(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for word in {
        "": ["serve", "fetch", "verify", "list"],
        "serve": ["--trust", "--no-auth", "--threads", "--drain", "$SERVICE_TRUST_FILE"],
        "fetch": ["--spec", "--root", "--progress-port", "$HF_ENDPOINT"],
        "verify": ["DIR"],
        "list": ["DIR"],
    }["".join(command)]:
        assert word in text


def test_help_of_fetch_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["fetch", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "0 published or adopted, 1 Internal, 2 InvalidSpec, 11 SourceUnauthorized," in told
    for reason in Reason:
        assert f" {reason.exit_code} {reason.text}" in told


def test_fetch_loads_neither_kserve_nor_an_engine() -> None:
    heavy = "{'kserve', 'onnx', 'onnxruntime', 'tokenizers', 'numpy', 'cryptography'}"
    code = f"import sys, veriaidpo_predictor.fetching.fetch; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_verify_and_list_read_a_volume(revision: Path, volume: Path) -> None:
    good = run("verify", revision)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith(f"tiny-en {revision.name} 4 files, ")
    listed = run("list", volume).stdout.split("\t")
    assert listed[:3] == ["tiny-en", revision.name, "onnx-fp32"]
    (revision / "config.json").write_text("{}")
    bad = run("verify", revision)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "config.json of revision" in bad.stderr


def test_every_command_takes_a_revision_a_models_folder_or_a_volume(revision: Path, volume: Path) -> None:
    places = (revision, volume / "models" / "tiny-en", volume)
    assert len({run("verify", place).stdout for place in places}) == 1
    assert len({run("list", place).stdout for place in places}) == 1
    for command in ("verify", "list"):
        nothing = run(command, volume / "models" / "other")
        assert (nothing.returncode, nothing.stdout) == (1, "")
        assert "holds no published revision" in nothing.stderr


def test_the_lock_of_the_fetch_image_is_a_part_of_the_whole_lock() -> None:
    room = Path(__file__).parents[2] / "predictors"
    whole = (room / "requirements-test.txt").read_text().split("\n")
    served = {line.partition("==")[0] for line in (room / "requirements.txt").read_text().split("\n")}
    part = (room / "requirements-fetch.txt").read_text().split("\n")
    pinned = [line for line in part if "==" in line]
    names = {line.partition("==")[0] for line in pinned}
    assert {"httpx", "pydantic"} <= names
    assert names - served == {"onnx", "ml-dtypes"}  # for weights without a graph; serving needs neither
    assert set(part) <= set(whole)
