"""Companies as a file: what is written can be read, and each bad line is named."""

import contextlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.companies.rows import Entry
from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.http import company_csv, company_routes
from veriaidpo_gateway.normalisation.companies import shipped_companies

FILE = """\
name,industry,region,aliases,exact,ticker,ticker_verified
Công ty Cổ phần Rồng Xanh,technology,south,Rồng Xanh| Blue Dragon ,RX,RXG,TRUE
"Rồng Đỏ, Chi nhánh",,,,,,
"""


@pytest.fixture
async def gateway(run_gateway: Any) -> Any:
    async with run_gateway() as opened:
        await opened.refresh()
        yield opened


@pytest.fixture
def send(gateway: Any, bearer: Any) -> Callable[..., Any]:
    async def post(content: str | bytes, kind: str = "text/csv") -> httpx.Response:
        data = content.encode() if isinstance(content, str) else content
        headers = {**bearer("admin"), "Content-Type": kind}
        answer = await gateway.public.post("/companies.csv", content=data, headers=headers)
        assert isinstance(answer, httpx.Response)
        return answer

    return post


@pytest.fixture
def export(gateway: Any, bearer: Any) -> Callable[[], Any]:
    async def get() -> httpx.Response:
        answer = await gateway.public.get("/companies.csv", headers=bearer("dpo"))
        assert isinstance(answer, httpx.Response)
        return answer

    return get


async def test_what_is_new_is_added_and_what_differs_is_changed(send: Any) -> None:
    assert (await send(FILE)).json() == {
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "failed": 0,
        "errors": [],
    }
    again = (await send(FILE.replace("south", "north"))).json()
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 1, 1)


async def test_a_column_that_a_file_does_not_have_stays_as_it_is(send: Any, export: Any) -> None:
    columns = "name,industry,region,aliases,exact,ticker,ticker_verified"
    await send(f"{columns}\nRồng Xanh,technology,north,Blue Dragon|Rồng,RX,RXG,true\n")
    assert (await send("name,region\nRồng Xanh,south\n")).json()["changed"] == 1
    assert "Rồng Xanh,technology,south,Blue Dragon|Rồng,RX,RXG,true,added\r\n" in (await export()).text
    assert (await send("name,region\nRồng Xanh,south\n")).json()["unchanged"] == 1


async def test_an_empty_cell_empties_its_field(send: Any, export: Any) -> None:
    await send("name,region,aliases\nRồng Xanh,north,Blue Dragon\n")
    await send("name,region,aliases\nRồng Xanh,,\n")
    assert "Rồng Xanh,,,,,,false,added\r\n" in (await export()).text


async def test_another_ticker_is_not_verified_until_somebody_says_so(send: Any, export: Any) -> None:
    await send("name,ticker,ticker_verified\nRồng Xanh,RXG,true\nRồng Đỏ,RDO,true\n")
    await send("name,ticker\nRồng Xanh,RXH\nRồng Đỏ,RDO\n")
    text = (await export()).text
    assert "Rồng Xanh,,,,,RXH,false,added\r\n" in text
    assert "Rồng Đỏ,,,,,RDO,true,added\r\n" in text


async def test_an_export_is_read_back_unchanged(send: Any, export: Any) -> None:
    await send(FILE)
    file = await export()
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "companies.csv" in file.headers["Content-Disposition"]
    assert '"Rồng Đỏ, Chi nhánh",,,,,,false,added\r\n' in file.text
    assert "Rồng Xanh,technology,south,Rồng Xanh|Blue Dragon,RX,RXG,true,added\r\n" in file.text
    answer = (await send(file.content)).json()
    count = len(shipped_companies()) + 2
    assert (answer["unchanged"], answer["added"], answer["changed"], answer["failed"]) == (count, 0, 0, 0)


async def test_an_export_of_many_is_whole(send: Any, export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_routes, "_WRITTEN_TOGETHER", 7)
    lines = (await export()).text.splitlines()
    assert lines[0] == "name,industry,region,aliases,exact,ticker,ticker_verified,origin"
    assert len(set(lines)) == len(shipped_companies()) + 1


async def test_each_bad_line_is_named_and_the_others_are_taken(send: Any) -> None:
    answer = (
        await send(
            "name,aliases\n"
            "Rồng Xanh,\n"  # 2
            ",Không tên\n"  # 3
            "\n"
            "Rồng Đỏ,x\n"  # 5
            '"Rồng\nVàng",\n'  # 6 and 7
            "Rồng Trắng,a,b,c\n"  # 8
            "RONG XANH,\n"  # 9
            "=HYPERLINK(1),\n"  # 10
            '"Rồng" Đen,\n'  # 11
            "Rồng Tím,Tím Rịm\n"  # 12
        )
    ).json()
    assert (answer["added"], answer["failed"]) == (2, 7)
    assert [(one["line"], one["fields"][0]["field"]) for one in answer["errors"]] == [
        (3, "name"),
        (5, "aliases.0"),
        (6, "name"),
        (8, "line"),
        (9, "name"),
        (10, "name"),
        (11, "line"),
    ]
    for one in answer["errors"]:
        assert one["fields"][0]["problem"]
        assert one["fields"][0]["problem_vi"]
        assert "HYPERLINK" not in str(one)


@pytest.mark.parametrize(
    "file",
    [
        "\ufeffname,region\r\nRồng Xanh,south\r\n",
        "Name;Region\nRồng Xanh;south\n",
        "region,name\nsouth,Rồng Xanh",
        "name,region\n\n\nRồng Xanh , south\n",
    ],
)
async def test_files_as_spreadsheets_write_them(send: Any, export: Any, file: Any) -> None:
    assert (await send(file)).json()["added"] == 1
    assert "Rồng Xanh,,south,,,,false,added" in (await export()).text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (FILE, "application/json", 415),
        ("", "text/csv", 422),
        ("region\nsouth\n", "text/csv", 422),
        ("name,name\nA,B\n", "text/csv", 422),
        ("name,password\nA,B\n", "text/csv", 422),
        (FILE.encode("utf-16"), "text/csv", 422),
        ("name\n" + "a" * (4 * 1024 * 1024), "text/csv", 413),
    ],
)
async def test_what_is_no_such_file(send: Any, content: Any, kind: Any, status: Any) -> None:
    assert (await send(content, kind)).status_code == status


@pytest.mark.parametrize("said", ["yes", "1", "VNM"])
async def test_a_ticker_is_verified_or_not(send: Any, said: Any) -> None:
    answer = (await send(f"name,ticker,ticker_verified\nRồng Xanh,RXG,{said}\n")).json()
    assert [one["fields"][0]["field"] for one in answer["errors"]] == ["ticker_verified"]


async def test_errors_are_told_up_to_a_bound(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_routes, "MOST_ERRORS", 2)
    answer = (await send("name\n" + ".\n" * 5)).json()
    assert (answer["failed"], len(answer["errors"])) == (5, 2)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3)), max_size=5))
def test_whatever_is_accepted_comes_back_as_it_was(rows: Any) -> None:
    text = "name,aliases\n" + "".join(
        f'"{name}","{"|".join(aliases)}"\n' for name, aliases in rows if '"' not in name + str(aliases)
    )
    good = company_csv.read(text.encode()).companies
    entries = [Entry("0", company, "added", 1) for company in good]
    again = company_csv.read(company_csv.write(entries, header=True).encode())
    assert (again.companies, again.bad) == (good, [])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_sent_is_read_or_refused(data: bytes) -> None:
    for content in (data, b"name,aliases\n" + data):
        with contextlib.suppress(GatewayError):
            good = company_csv.read(content).companies
            entries = [Entry("0", one, "added", 1) for one in good]
            again = company_csv.read(company_csv.write(entries, header=True).encode())
            assert (again.companies, again.bad) == (good, [])
