"""Lists that are sorted, page by page: the same as the whole list put in order."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.views.asof import sorting
from tests import oracle
from tests.ledgers import Event

Client = TestClient[Litestar]
State = dict[str, Any]
REPORT = {"outlet": "USTR", "published": "2025-06-30"}
NAMES = ["steel", "cars", "wine", "copper", "solar", "timber"]


def opened(issue: str, day: str) -> Event:
    terms = {"title": issue, "summary": f"About {issue}.", "parties": ["US", "CN"]}
    return {"type": "issue.opened", "issues": [issue], "item": issue, "occurred": day, "reports": [REPORT]} | terms


def restrictions(draw: random.Random) -> Iterator[Event]:
    """Make restrictions in random order of days and names, with ends of every form, and some without."""
    for number in draw.sample(range(1_000), 60):
        day = date(2025, 1, 1) + timedelta(draw.randrange(20))
        after = day + timedelta(draw.choice([300, 301, 330, 400]))
        occurred = draw.choice([day.isoformat(), f"{day:%Y-%m}", f"[{day}..{day + timedelta(3)}]"])
        ends = [{}, {"until": after.isoformat()}, {"through": after.isoformat()}, {"through": f"{after:%Y-%m}"}]
        end = draw.choice([*ends, {"until": f"[{after}..{after + timedelta(9)}]"}])
        goods = [{"name": draw.choice(["steel", "wine"])}]
        terms = {
            "imposed_by": draw.choice(["US", "CN", "EU"]),
            "instrument": "tariff",
            "goods": goods,
            "against": ["JP"],
        }
        yield {
            "type": "restriction.imposed", "issues": [draw.choice(NAMES)], "item": f"r-{number}", "occurred": occurred,
            "reports": [REPORT],
        } | terms | end  # fmt: skip


@pytest.fixture
def ledger(client: Client) -> Client:
    """Sixty restrictions in six issues, some out of order: a late fact of some is published first."""
    draw = random.Random(16)  # noqa: S311 - for variety
    days = [f"2025-01-{draw.randrange(1, 9):02}" for _ in NAMES]
    client.post("/v1/events", json={"events": [*map(opened, NAMES, days), *restrictions(draw)]}).raise_for_status()
    for state in client.get("/v1/restrictions?as_of=2025-07-01").json()["items"][::9]:
        later = {"type": "restriction.amended", "issues": state["issues"], "item": state["id"], "rate_percent": 5}
        report = REPORT | {"published": "2025-05-01"}
        event = later | {"occurred": "2025-04-01", "reports": [report]}
        client.post("/v1/events", json={"events": [event]}).raise_for_status()
    return client


def first_day(text: str) -> date:
    return oracle.bounds(text)[0]


def end_of(state: State) -> date | None:
    """Return the first day on which a state no longer holds, in the earliest reading."""
    if (through := state.get("through")) is None:
        return first_day(state["until"]) if state.get("until") else None
    first, last = oracle.bounds(through)
    return (first if through.startswith("[") else last) + timedelta(1)


def in_order(states: list[State], sort: str) -> list[str]:
    """Put states in order the slow way; those without an end come last."""
    by, last_first = sort.removeprefix("-"), sort.startswith("-")
    if by == "id":
        return sorted([state["id"] for state in states], reverse=last_first)
    keyed = [(first_day(state["since"]) if by == "since" else end_of(state), state["id"]) for state in states]
    days = sorted({day for day, _ in keyed if day is not None}, reverse=last_first)
    return [name for day in [*days, None] for found, name in keyed if found == day]


def paged(client: Client, path: str, limit: int) -> list[str]:
    found: list[str] = []
    query, cursor = f"{path}&limit={limit}", ""
    while True:
        answer = client.get(query + cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) == limit or not page["next"]
        found += [state["id"] for state in page["items"]]
        if not page["next"]:
            return found
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize(
    "filters", ["", "party=CN", "q=steel", "until_from=2025-11-01&by=US", "status=in_force", "sources=all"]
)
def test_pages_of_sorted_items_are_the_whole_list_in_order(ledger: Client, filters: str) -> None:
    """Each item comes once, at its place, whatever the length of the pages, with filters and on both bases."""
    for basis in ("recorded", "published"):
        path = f"/v1/restrictions?as_of=2025-07-01&known_basis={basis}&{filters}"
        states = ledger.get(f"{path}&limit=1000").json()["items"]
        assert len(states) > 5
        for sort in ("since", "-since", "until", "-until", "id", "-id"):
            right = in_order(states, sort)
            for limit in (7, 50):
                assert paged(ledger, f"{path}&sort={sort}", limit) == right, (basis, sort, limit)


@pytest.mark.parametrize("filters", ["", "posture=restricted", "q=o"])
def test_pages_of_sorted_issues_are_the_whole_list_in_order(ledger: Client, filters: str) -> None:
    """Issues are sorted by name and by the first day of their status, also where only some postures are wanted."""
    path = f"/v1/issues?as_of=2025-07-01&{filters}"
    states = ledger.get(path).json()["items"]
    assert len(states) > 1
    for sort in ("since", "-since", "id", "-id"):
        for limit in (2, 50):
            assert paged(ledger, f"{path}&sort={sort}", limit) == in_order(states, sort), (sort, limit)


def test_a_sorted_page_continues_as_known_before(ledger: Client) -> None:
    """A page after the first is of the D and K of the first; its cursor is of that order alone."""
    path = "/v1/restrictions?as_of=2025-07-01&sort=id&limit=40"
    page = ledger.get(path).json()
    terms = {"imposed_by": "US", "instrument": "tariff", "goods": [{"name": "tin"}], "against": ["JP"]}
    event = {"type": "restriction.imposed", "issues": ["steel"], "item": "zz", "occurred": "2025-01-01", **terms}
    ledger.post("/v1/events", json={"events": [event | {"reports": [REPORT]}]}).raise_for_status()
    rest = ledger.get(f"{path}&cursor={page['next']}").json()["items"]
    assert (len(rest), rest[-1]["id"] == "zz") == (20, False)
    other = path.replace("sort=id", "sort=since")
    assert ledger.get(f"{other}&cursor={page['next']}").status_code == 422


def test_too_many_to_sort_are_refused(ledger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is too long to sort is refused, with a word on what to do; with filters it is answered."""
    monkeypatch.setattr(sorting, "SORTED_MAX", 30)
    refused = ledger.get("/v1/restrictions?as_of=2025-07-01&sort=id")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "sort"
    assert "add filters" in refused.json()["errors"][0]["detail"]
    assert ledger.get("/v1/restrictions?as_of=2025-07-01&sort=id&by=US").status_code == 200
    assert ledger.get("/v1/restrictions?sort=title").status_code == 422
    assert ledger.get("/v1/issues?sort=until").status_code == 422
