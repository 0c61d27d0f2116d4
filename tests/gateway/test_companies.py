"""The registry of companies over HTTP: who may, what is checked, and what becomes of a change."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from veriaidpo_gateway.companies import store as company_store
from veriaidpo_gateway.normalisation.companies import shipped_companies

DRAGON = {
    "name": "Công ty Cổ phần Rồng Xanh",
    "industry": "technology",
    "region": "south",
    "aliases": ["Rồng Xanh", "Blue Dragon"],
    "exact": ["RX"],
    "ticker": "RXG",
    "ticker_verified": True,
}


@pytest.fixture
async def gateway(run_gateway: Any) -> Any:
    async with run_gateway() as opened:
        await opened.refresh()
        yield opened


@pytest.fixture
def call(gateway: Any, bearer: Any) -> Callable[..., Any]:
    """Ask as an administrator; `etag` becomes If-Match."""

    async def ask(
        method: str, path: str = "/companies", *, etag: str | None = None, role: str = "admin", **more: Any
    ) -> httpx.Response:
        headers = {**bearer(role), **more.pop("headers", {}), **({"If-Match": etag} if etag else {})}
        answer = await gateway.public.request(method, path, headers=headers, **more)
        assert isinstance(answer, httpx.Response)
        return answer

    return ask


@pytest.fixture
async def dragon(call: Any) -> Any:
    answer = await call("POST", json=DRAGON)
    assert answer.status_code == 201
    return answer


def code(answer: httpx.Response) -> Any:
    return answer.json()["detail"]["code"]


async def test_the_shipped_companies_are_there_and_told_apart(call: Any, dragon: Any) -> None:
    page = (await call("GET", params={"origin": "shipped"})).json()
    assert page["total"] == len(shipped_companies()) >= 150
    assert (await call("GET", params={"origin": "added"})).json()["total"] == 1


async def test_a_company_is_added_read_changed_and_removed(call: Any, dragon: Any) -> None:
    entry = dragon.json()
    assert entry == {**DRAGON, "id": entry["id"], "origin": "added", "version": 1}
    assert (dragon.headers["ETag"], dragon.headers["Location"]) == ('"1"', f"/companies/{entry['id']}")
    path = f"/companies/{entry['id']}"
    read = await call("GET", path)
    assert (read.json(), read.headers["ETag"]) == (entry, '"1"')

    changed = await call("PUT", path, etag='"1"', json={"name": "Rồng Đỏ"})
    unsaid = {
        "industry": "",
        "region": "",
        "aliases": [],
        "exact": [],
        "ticker": "",
        "ticker_verified": False,
    }
    expected = {"name": "Rồng Đỏ", **unsaid}
    assert changed.json() == {**expected, "id": entry["id"], "origin": "added", "version": 2}
    assert changed.headers["ETag"] == '"2"'

    gone = await call("DELETE", path, etag='"2"')
    assert (gone.status_code, gone.content) == (204, b"")
    assert code(await call("GET", path)) == "no_such_company"


@pytest.mark.parametrize("base", ["/api/v1", "/api/v1/veriaidpo"])
async def test_a_location_is_under_the_base_that_was_asked(call: Any, base: Any) -> None:
    answer = await call("POST", f"{base}/companies", json=DRAGON)
    assert answer.headers["Location"].startswith(f"{base}/companies/")
    assert (await call("GET", answer.headers["Location"])).status_code == 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "rong xanh"}, True),
        ({"q": "BLUE drag"}, True),
        ({"q": "rx", "region": "south", "industry": "technology"}, True),
        ({"q": "rong xanh", "region": "north"}, False),
        ({"q": "rxg"}, True),
        ({"q": "%"}, False),
        ({"q": "rong_xanh"}, False),
        ({"industry": "tech"}, False),
    ],
)
async def test_search(call: Any, dragon: Any, asked: Any, found: Any) -> None:
    page = (await call("GET", params=asked)).json()
    assert (dragon.json() in page["companies"]) == found


async def test_pages_meet_without_a_gap(call: Any) -> None:
    total = (await call("GET", params={"limit": 1})).json()["total"]
    names = []
    for offset in range(0, total, 100):
        page = (await call("GET", params={"limit": 100, "offset": offset})).json()
        assert (page["total"], page["limit"], page["offset"]) == (total, 100, offset)
        names += [one["name"] for one in page["companies"]]
    assert len(set(names)) == len(names) == total
    assert (await call("GET", params={"offset": total})).json()["companies"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"offset": "-1"},
        {"offset": "9" * 30},
        {"origin": "stolen"},
        {"nonsense": "1"},
        {"q": "a\x00b"},
        {"q": "a" * 201},
    ],
)
async def test_what_cannot_be_looked_for_is_a_422(call: Any, asked: Any) -> None:
    answer = await call("GET", params=asked)
    assert (answer.status_code, code(answer)) == (422, "invalid_request")


async def test_a_question_said_twice_is_a_422(call: Any) -> None:
    assert (await call("GET", "/companies?limit=1&limit=2")).status_code == 422


READ, WRITE = "company.read", "company.write"
ROUTES = [
    ("GET", "/companies", READ),
    ("GET", "/companies/0", READ),
    ("GET", "/companies.csv", READ),
    ("POST", "/companies", WRITE),
    ("PUT", "/companies/0", WRITE),
    ("DELETE", "/companies/0", WRITE),
    ("POST", "/companies.csv", WRITE),
]


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
async def test_who_may(call: Any, method: Any, path: Any, needed: Any) -> None:
    readers = {"dpo", "compliance_manager", "admin"} if needed == READ else {"admin"}
    for role in ("viewer", "staff", "auditor", "dpo", "compliance_manager", "admin"):
        answer = await call(method, path, role=role, content=b"nonsense")
        assert (answer.status_code == 403) == (role not in readers), role
        if answer.status_code == 403:
            assert answer.json()["detail"]["required_permission"] == needed


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_nothing_is_overwritten_unseen(call: Any, dragon: Any, method: Any) -> None:
    path = f"/companies/{dragon.json()['id']}"
    body = {"json": DRAGON} if method == "PUT" else {}
    without = await call(method, path, **body)
    assert (without.status_code, code(without)) == (428, "if_match_required")
    for etag in ('"7"', '"0"', "1", '"x"', '"1", "2"'):
        stale = await call(method, path, etag=etag, **body)
        assert (stale.status_code, code(stale)) == (412, "company_changed"), etag
    assert (await call("GET", path)).json() == dragon.json()
    # What a proxy has compressed has a weak one.
    assert (await call(method, path, etag='W/"1"', **body)).status_code in (200, 204)


async def test_whichever_version_it_is(call: Any, dragon: Any) -> None:
    path = f"/companies/{dragon.json()['id']}"
    assert (await call("PUT", path, etag="*", json=DRAGON)).json()["version"] == 2
    assert (await call("DELETE", path, etag="*")).status_code == 204
    assert (await call("DELETE", path, etag="*")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("company_id", ["0" * 32, "0", "%00", "a" * 400])
async def test_what_is_not_there(call: Any, method: Any, company_id: Any) -> None:
    body = {"json": DRAGON} if method == "PUT" else {}
    answer = await call(method, f"/companies/{company_id}", etag="*", **body)
    assert (answer.status_code, code(answer)) == (404, "no_such_company")


async def test_a_ticker_is_no_name(gateway: Any, bearer: Any, call: Any, dragon: Any) -> None:
    await gateway.refresh()
    assert (await normalised(gateway, bearer, "mã RXG tăng giá"))[0] == "mã RXG tăng giá"


async def test_a_name_is_taken_however_it_is_written(call: Any, dragon: Any) -> None:
    again = await call("POST", json={"name": "CONG TY  CO PHAN RONG XANH"})
    assert (again.status_code, code(again)) == (409, "company_exists")
    other = (await call("POST", json={"name": "Rồng Đỏ"})).json()
    renamed = await call("PUT", f"/companies/{other['id']}", etag="*", json=DRAGON)
    assert (renamed.status_code, code(renamed)) == (409, "company_exists")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "a"}, "name"),
        ({"name": "..."}, "name"),
        ({"name": "=1+1"}, "name"),
        ({"name": "Rồng\nXanh"}, "name"),
        ({"name": "Rồng|Xanh"}, "name"),
        ({"name": "Rồng\u202eXanh"}, "name"),
        ({"name": "Rồng" + "\u0301" * 4}, "name"),
        ({"name": "R" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"name": "Rồng", "aliases": "Xanh"}, "aliases"),
        ({"name": "Rồng", "aliases": ["x"]}, "aliases.0"),
        ({"name": "Rồng", "aliases": ["Xanh"] * 51}, "aliases"),
        ({"name": "Rồng", "region": "-south"}, "region"),
        ({"name": "Rồng", "ticker": "rxg"}, "ticker"),
        ({"name": "Rồng", "ticker": "RXG" * 5}, "ticker"),
        ({"name": "Rồng", "ticker": "=RXG"}, "ticker"),
        ({"name": "Rồng", "ticker_verified": "true"}, "ticker_verified"),
        ({"name": "Rồng", "origin": "shipped"}, None),
    ],
)
async def test_what_no_company_can_be(call: Any, body: Any, field: Any) -> None:
    answer = await call("POST", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]["fields"][0]["field"] == field


async def test_a_full_registry_says_so(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_store, "MOST_COMPANIES", 3)
    answer = await call("POST", json=DRAGON)
    assert (answer.status_code, code(answer)) == (409, "companies_full")


async def normalised(gateway: Any, bearer: Any, text: str) -> Any:
    answer = (await gateway.classify(text, bearer("dpo"))).json()
    return answer["normalized_text"], answer["cached"]


async def test_a_change_is_in_the_next_sentence_and_in_no_cached_answer(
    gateway: Any, bearer: Any, call: Any
) -> None:
    text = "Rồng Xanh lưu RX, không phải rx"
    assert await normalised(gateway, bearer, text) == (text, False)
    assert await normalised(gateway, bearer, text) == (text, True)
    entry = (await call("POST", json=DRAGON)).json()
    await gateway.refresh()
    with_names = "[COMPANY] lưu [COMPANY], không phải rx"
    assert await normalised(gateway, bearer, text) == (with_names, False)
    assert await normalised(gateway, bearer, "khách hàng") == ("khách hàng", False)
    await call("DELETE", f"/companies/{entry['id']}", etag="*")
    await gateway.refresh()
    # As it was before, so what was answered before is good again.
    assert await normalised(gateway, bearer, text) == (text, True)


async def test_what_names_nobody_leaves_the_cache_as_it_is(gateway: Any, bearer: Any, call: Any) -> None:
    await normalised(gateway, bearer, "khách hàng")
    entry = (await call("GET", params={"limit": 1})).json()["companies"][0]
    body = {name: entry[name] for name in DRAGON} | {"region": "elsewhere"}
    assert (await call("PUT", f"/companies/{entry['id']}", etag="*", json=body)).status_code == 200
    await gateway.refresh()
    assert (await normalised(gateway, bearer, "khách hàng"))[1] is True


async def test_a_removed_shipped_company_does_not_come_back(gateway: Any, call: Any) -> None:
    entry = (await call("GET", params={"q": "Vinamilk"})).json()["companies"][0]
    await call("DELETE", f"/companies/{entry['id']}", etag="*")
    registry = gateway.upkeep[1]
    registry._prepared = False  # as after a restart
    await gateway.refresh()
    assert (await call("GET", params={"q": "Vinamilk"})).json()["total"] == 0
    health = (await gateway.public.get("/health")).json()["components"]["company_registry"]
    expected = len(shipped_companies()) - 1
    assert health == {"status": "healthy", "companies": expected, "kind": "embedded"}


async def test_before_there_are_tables_the_shipped_names_are_known(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway() as gateway:
        assert (await normalised(gateway, bearer, "Vinamilk"))[0] == "[COMPANY]"
        answer = await gateway.public.get("/companies", headers=bearer("admin"))
    assert (answer.status_code, code(answer)) == (503, "companies_away")
    assert answer.headers["Retry-After"] == "5"


async def test_the_inner_port_counts_them(gateway: Any) -> None:
    metrics = (await gateway.inner.get("/metrics")).text
    assert f"veriaidpo_gateway_companies_known {float(len(shipped_companies()))}" in metrics
    assert "veriaidpo_gateway_companies_up 1.0" in metrics
