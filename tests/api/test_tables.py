"""Lists as tables, and the list of issues by its filters."""

import csv
import json
from io import StringIO
from typing import Any

import duckdb
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.ledgers import Event

Client = TestClient[Litestar]
REPORT = {"outlet": "USTR", "published": "2025-04-02"}
TABLE = {"Accept": "text/csv"}


def opened(issue: str, *parties: str) -> Event:
    terms = {"title": "=1+1", "summary": f"About {issue}.", "parties": parties}
    return {
        "type": "issue.opened",
        "issues": [issue],
        "item": issue,
        "occurred": "2025-04-01",
        "reports": [REPORT],
    } | terms


def imposed(issue: str, item: str, **terms: object) -> Event:
    scope = {"imposed_by": "US", "instrument": "tariff", "goods": [{"name": "steel", "hs": "72"}], "rate_percent": 25}
    return {
        "type": "restriction.imposed", "issues": [issue], "item": item, "occurred": "2025-04-02", "reports": [REPORT],
    } | scope | terms  # fmt: skip


EVENTS = [
    opened("steel", "US", "CN"),
    opened("cars", "EU", "US"),
    opened("talks", "CA", "MX"),
    imposed("steel", "steel-duty", against=["CN", "VN"]),
    imposed("cars", "cars-duty", against=["EU"], occurred="2026-01-01", until="2026-02-01"),
    {"type": "issue.closed", "issues": ["talks"], "item": "talks", "occurred": "2025-05-01", "reports": [REPORT]},
]


@pytest.fixture
def ledger(client: Client) -> Client:
    """Three issues, of which one restricts, one did, one is closed."""
    client.post("/v1/events", json={"events": EVENTS}).raise_for_status()
    return client


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["steel", "cars", "talks"]),
        ("party=CN", ["steel"]),
        ("party=DE", ["cars"]),
        ("party=CA,CN", ["steel", "talks"]),
        ("status=closed", ["talks"]),
        ("status=open,closed&party=US", ["steel", "cars"]),
        ("posture=restricted", ["steel"]),
        ("posture=open,closed", ["cars", "talks"]),
        ("posture=restricted&as_of=2026-01-15", ["steel", "cars"]),
        ("posture=restricted&as_of=2026-01-15&limit=1", ["steel"]),
        ("posture=suspended", []),
        ("q=steel&posture=restricted", ["steel"]),
    ],
)
def test_issues_are_listed_by_party_status_and_posture(ledger: Client, query: str, found: list[str]) -> None:
    """All filters hold; of several values one is enough. A bloc's issue is found by its members."""
    for basis in ("recorded", "published"):
        answer = ledger.get(f"/v1/issues?known_basis={basis}&{query}")
        assert [each["id"] for each in answer.json()["items"]] == found, answer.text


def test_pages_by_posture_have_every_issue_once(ledger: Client) -> None:
    """Where few issues have the posture, a page goes on until it has as many as are asked for, or says where."""
    ledger.post("/v1/events", json={"events": [opened(f"open-{number}") for number in range(20)]}).raise_for_status()
    seen, query = [], "/v1/issues?posture=open&limit=3"
    path = query
    while path:
        page = ledger.get(path).json()
        seen += [each["id"] for each in page["items"]]
        path = f"{query}&cursor={page['next']}" if page["next"] else ""
    assert seen == ["cars", *[f"open-{number}" for number in range(20)]]


@pytest.mark.parametrize("path", ["/v1/restrictions?include=ended", "/v1/issues?", "/v1/exposure?hs=72&party=CN"])
def test_a_table_has_what_the_list_has(ledger: Client, path: str) -> None:
    """Each member of each state stands in the column of its name, but for what the state rests on."""
    states = ledger.get(path).json()["items"]
    answer = ledger.get(path, headers=TABLE)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "Accept" in answer.headers["vary"].split(", ")
    found = rows(answer.text)
    assert len(found) == len(states) > 0
    for row, state in zip(found, states, strict=True):
        for name in state.keys() - {"facts", "upcoming", "alternatives", "matched"}:
            assert read(row[name], state[name]) == state[name], name


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/v1/between?a=US&b=CN&as_of=2026-01-15&include=ended", {"side", "id", "kind", "rate_percent", "speaker"}),
        ("/v1/issues/steel?as_of=2026-01-15", {"id", "kind", "rate_percent", "speaker"}),
    ],
)
def test_what_is_grouped_is_one_table(ledger: Client, path: str, columns: set[str]) -> None:
    """Items of every kind and side are the lines of one table, page by page, with the columns of all kinds."""
    said = {"type": "statement.made", "issues": ["steel"], "occurred": "2026-01-14", "reports": [REPORT]}
    made = {"item": "complaint", "speaker": "A minister", "party": "CN", "about": "steel-duty", "summary": "Unfair."}
    ledger.post("/v1/events", json={"events": [said | made]}).raise_for_status()
    answer = ledger.get(path).json()
    sides = ("a_on_b", "b_on_a", "both") if "both" in answer else ("items",)
    right = [
        {"side": "" if side == "items" else side, "id": state["id"], "kind": kind}
        for side in sides
        for kind, states in answer[side].items()
        for state in states
    ]
    assert {each["kind"] for each in right} == {"restriction", "statement"}
    table = ledger.get(path, headers=TABLE)
    assert "Accept" in table.headers["vary"].split(", ")
    found = rows(table.text)
    assert columns <= found[0].keys()
    assert [{name: row.get(name, "") for name in ("side", "id", "kind")} for row in found] == right
    assert {row["rate_percent"] for row in found} == {"25", ""}
    first = ledger.get(f"{path}&limit=1", headers=TABLE)
    second = ledger.get(first.links["next"]["url"], headers=TABLE)
    assert {row["id"] for row in rows(first.text) + rows(second.text)} == {"steel-duty", "complaint"}
    assert ledger.get(path, headers={"Accept": "image/png"}).status_code == 406


def read(cell: str, expected: Any) -> Any:  # noqa: ANN401 - JSON
    """Read a cell as what is expected to stand there."""
    if expected is None:
        return cell or None
    if isinstance(expected, str):
        return cell.removeprefix("'") if expected.startswith("=") else cell
    if isinstance(expected, list) and cell[:1] not in {"[", ""}:
        return cell.split(" ")
    return json.loads(cell)


def test_a_cell_is_no_formula(ledger: Client) -> None:
    """A title that a spreadsheet would reckon out has an apostrophe before it."""
    assert {row["title"] for row in rows(ledger.get("/v1/issues", headers=TABLE).text)} == {"'=1+1"}


def test_a_database_reads_a_table(ledger: Client, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's
    """DuckDB finds numbers and days by itself."""
    path = tmp_path / "restrictions.csv"
    path.write_bytes(ledger.get("/v1/restrictions?as_of=2026-01-15", headers=TABLE).content)
    duckdb.read_csv(str(path)).create_view("restrictions")
    found = duckdb.sql("SELECT id, charged_percent + 1, since FROM restrictions WHERE rate_percent > 20")
    assert [(row[0], row[1], str(row[2])) for row in (found.fetchall() if found is not None else [])] == [
        ("steel-duty", 26, "2025-04-02"), ("cars-duty", 26, "2026-01-01"),
    ]  # fmt: skip


def test_a_table_is_paged_and_tagged(ledger: Client) -> None:
    """`Link` names the next page; a table has another tag than JSON, and 304 goes by it."""
    first = ledger.get("/v1/issues?limit=2", headers=TABLE)
    second = ledger.get(first.links["next"]["url"], headers=TABLE)
    assert [row["id"] for row in rows(first.text + second.text.partition("\r\n")[2])] == ["steel", "cars", "talks"]
    assert "next" not in second.links
    as_json = ledger.get("/v1/issues?limit=2")
    assert as_json.headers["etag"] != first.headers["etag"]
    for tag, accept, status in (
        (first.headers["etag"], TABLE, 304),
        (as_json.headers["etag"], TABLE, 200),
        (as_json.headers["etag"], {}, 304),
    ):
        assert ledger.get("/v1/issues?limit=2", headers=accept | {"If-None-Match": tag}).status_code == status
    assert ledger.get("/v1/issues", headers={"Accept": "image/png"}).status_code == 406
