"""`veriaidpo-gateway records export` and `verify`: an export proves itself, with the public key alone."""

import asyncio
import base64
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jose import jws

from veriaidpo_gateway.__main__ import main
from veriaidpo_gateway.records.exporting import NoExportError, read

from .recording import signing_key

TENANTS = ("t1", "t2")


@pytest.fixture
async def recorded(recording: Any, bearer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database of ten records of two tenants, and the public key."""
    async with recording() as here:
        for number in range(10):
            headers = bearer(tenant_id=TENANTS[number % 2])
            assert (await here.gateway.classify(f"câu {number}", headers)).status_code == 200
            await here.gateway.refresh()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'records.db'}")
    return tmp_path


@pytest.fixture
def records(recorded: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the command, as outside of any event loop; its exit code and what it said."""

    async def run(*arguments: object) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["records", *map(str, arguments)])
        return code, "".join(capsys.readouterr())

    return run


async def test_the_database_is_proven(recorded: Path, records: Any) -> None:
    code, said = await records("verify", "--key", recorded / "records-public.pem")
    assert code == 0
    assert "10 rows in 1 chains" in said
    assert "proven" in said


async def test_an_export_is_proven_alone(recorded: Path, records: Any, monkeypatch: Any) -> None:
    assert await records("export", "--out", recorded / "all.ndjson") == (0, "")
    monkeypatch.delenv("DATABASE_URL")
    code, said = await records("verify", recorded / "all.ndjson", "--key", recorded / "records-public.pem")
    assert code == 0
    assert "10 rows in 1 chains" in said


async def test_an_export_for_one_tenant_says_nothing_of_others_and_is_proven(
    recorded: Path, records: Any
) -> None:
    await records("export", "--tenant", "t1", "--out", recorded / "t1.ndjson")
    written = (recorded / "t1.ndjson").read_text()
    assert '"t1"' in written
    assert '"t2"' not in written
    code, said = await records("verify", recorded / "t1.ndjson", "--key", recorded / "records-public.pem")
    assert code == 0
    assert "5 withheld" in said


async def test_what_was_done_to_an_export_is_named(recorded: Path, records: Any) -> None:
    file, key = recorded / "all.ndjson", recorded / "records-public.pem"
    await records("export", "--out", file)
    lines = file.read_text().splitlines()
    rows = [number for number, line in enumerate(lines) if '"position"' in line]
    for change, named in (
        (lambda all_: all_.pop(rows[3]), "removed: chain"),
        (lambda all_: all_.__setitem__(rows[3], all_[rows[3]].replace('"l2"', '"l3"')), "changed: chain"),
        (lambda all_: all_.__delitem__(slice(rows[7], None)), "cut: chain"),
        (lambda all_: all_.__setitem__(0, json.dumps({"head": "a.b.c"})), "unsigned: 1 heads or receipts"),
    ):
        altered = lines[:]
        change(altered)  # type: ignore[no-untyped-call]
        file.write_text("\n".join(altered) + "\n")
        code, said = await records("verify", file, "--key", key)
        assert code == 1
        assert named in said
        assert "NOT PROVEN" in said
    assert "row 4" not in said


async def test_what_is_no_export_no_key_or_no_database_is_said(
    recorded: Path, records: Any, monkeypatch: Any
) -> None:
    key = recorded / "records-public.pem"
    assert (await records("verify", recorded / "records.db", "--key", key))[0] == 2
    assert (await records("verify", recorded / "missing", "--key", key))[0] == 2
    assert (await records("verify", "--key", recorded / "records.db"))[0] == 2
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{recorded / 'empty.db'}")
    assert (await records("verify", "--key", key))[0] == 2
    monkeypatch.delenv("DATABASE_URL")
    code, said = await records("export")
    assert code == 2
    assert "DATABASE_URL" in said


async def test_it_is_told_in_both_languages(recorded: Path, records: Any) -> None:
    file, key = recorded / "all.ndjson", recorded / "records-public.pem"
    _, said = await records("verify", "--key", key)
    assert "moved or cut / đã chứng minh: không có gì bị xóa" in said
    assert "10 dòng trong 1 chuỗi" in said
    await records("export", "--out", file)
    file.write_text(file.read_text().replace('"l2"', '"l3"', 1))
    _, said = await records("verify", file, "--key", key)
    assert re.search(r"^changed: chain (\w+), row 1 / bị sửa: chuỗi \1, dòng 1$", said, re.MULTILINE)
    assert said.endswith("NOT PROVEN / KHÔNG CHỨNG MINH ĐƯỢC\n")
    _, said = await records("verify", recorded / "missing", "--key", key)
    assert "No such file or directory / không dùng được tệp" in said


async def test_a_key_that_was_not_given_is_named(recorded: Path, records: Any, tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.mkdir()
    signing_key(another)
    code, said = await records("verify", "--key", another / "records-public.pem")
    [kid] = {jws.get_unverified_header(head)["kid"] for head in heads(recorded / "records.db")}
    assert code == 1
    assert f"no key was given that is named {kid}" in said
    _, said = await records("verify", "--key", recorded / "records-public.pem")
    assert "no key was given" not in said


def heads(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        found = [signed for (signed,) in connection.execute("SELECT signed FROM record_head")]
    connection.close()
    return found


@pytest.mark.parametrize("kid", [[], {}, None, 5, "\x1b[2J", "0" * 15])
async def test_a_name_that_is_none_is_unsigned_and_not_repeated(
    recorded: Path, records: Any, kid: object
) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "kid": kid}).encode()).decode().rstrip("=")
    file = recorded / "all.ndjson"
    await records("export", "--out", file)
    file.write_text(json.dumps({"head": f"{header}.e30.AAAA"}) + "\n" + file.read_text())
    code, said = await records("verify", file, "--key", recorded / "records-public.pem")
    assert code == 1
    assert "unsigned: 1 heads or receipts" in said
    assert "no key was given" not in said
    assert "\x1b" not in said


def test_who_reads_only_the_beginning_of_an_export_is_told_nothing(recorded: Path) -> None:
    program = f"{sys.executable} -m veriaidpo_gateway records export"
    run = ["bash", "-c", f"set -o pipefail; {program} | true; sleep 0"]
    for _ in range(3):
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
        assert done.stderr == ""


SENTENCE = "Shopee VN thu thập email của 3 khách hàng"


@pytest.fixture
async def of_a_sentence(recording: Any, bearer: Any, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same database, with a record of a sentence for each tenant, and the key for hashes."""
    async with recording() as here:
        for tenant in TENANTS:
            headers = {**bearer(tenant_id=tenant), "X-Request-Id": f"of-{tenant}-0001"}
            assert (await here.gateway.classify(f"  {SENTENCE}\n", headers)).status_code == 200
        await here.gateway.refresh()
    monkeypatch.setenv("RECORDS_KEY", "k" * 32)
    return recorded


@pytest.mark.parametrize("text", [SENTENCE, f"{SENTENCE}\n", SENTENCE.replace("Shopee VN", "[COMPANY]")])
async def test_who_has_a_text_and_the_key_is_told_of_its_records(
    of_a_sentence: Path, records: Any, text: str
) -> None:
    file = of_a_sentence / "text"
    file.write_text(text)
    code, said = await records("find", "--tenant", "t2", "--text-file", file)
    line, rest = said.split("\n", 1)
    assert code == 0
    assert json.loads(line)["contents"]["request_id"] == "of-t2-0001"
    assert rest == "1 records of this text / 1 bản ghi của văn bản này\n"
    assert SENTENCE not in said


async def test_another_text_tenant_or_key_finds_nothing(
    of_a_sentence: Path, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = of_a_sentence / "text"
    file.write_text(SENTENCE)
    assert (await records("find", "--tenant", "t3", "--text-file", file))[0] == 1
    monkeypatch.setenv("RECORDS_KEY", "j" * 32)
    assert (await records("find", "--tenant", "t1", "--text-file", file))[0] == 1
    monkeypatch.delenv("RECORDS_KEY")
    code, said = await records("find", "--tenant", "t1", "--text-file", file)
    assert code == 2
    assert "RECORDS_KEY or CACHE_KEY is required" in said
    monkeypatch.setenv("RECORDS_KEY", "k" * 32)
    file.write_text("another")
    assert (await records("find", "--tenant", "t1", "--text-file", file))[0] == 1
    for none in ("", "x" * 4_001, "a\x00"):
        file.write_text(none)
        code, said = await records("find", "--tenant", "t1", "--text-file", file)
        assert code == 2
        assert "was never classified" in said


def test_a_text_may_come_by_the_standard_input(of_a_sentence: Path) -> None:
    program = [
        sys.executable,
        "-m",
        "veriaidpo_gateway",
        "records",
        "find",
        "--tenant",
        "t1",
        "--text-file",
        "-",
    ]
    done = subprocess.run(program, input=SENTENCE, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.count("of-t1-0001")) == (0, 1), done.stderr


def test_an_export_is_read_as_it_is_gone_through() -> None:
    lines = iter([b'{"head":"1"}', b'{"head":"2"}', b'{"receipt":"3"}', b"no line"])
    export = read(lines)
    assert next(iter(export.heads)) == "1"
    assert list(lines) == [b'{"head":"2"}', b'{"receipt":"3"}', b"no line"]
    export = read([b'{"head":"1"}', b'{"head":"2"}', b'{"receipt":"3"}', b"no line"])
    assert list(export.heads) == ["1", "2"]
    with pytest.raises(NoExportError, match="line 4"):
        list(export.receipts)
