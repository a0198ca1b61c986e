"""Memento (RFC 7089): an answer as it was at a date, over the URL of the answer as it is now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from tests.api.conftest import LONDON

if TYPE_CHECKING:
    import httpx
    from litestar import Litestar
    from litestar.testing import TestClient

    Client = TestClient[Litestar]

ISSUE = "/v1/issues/rare-earth-export-restrictions"
READS = [
    ISSUE, "/v1/issues?limit=500", "/v1/restrictions?party=CN&include=ended", f"{ISSUE}/timeline",
    "/v1/between?a=US&b=CN", "/v1/exposure?good=dysprosium&party=US",
    "/v1/restrictions/china-seven-rare-earths-control/versions",
]  # fmt: skip


def at(client: Client, path: str, when: str) -> httpx.Response:
    """Ask a TimeGate, without following it."""
    return client.get(path, headers={"Accept-Datetime": when}, follow_redirects=False)


def date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def recorded(client: Client, position: int) -> datetime:
    """Return when an event was recorded."""
    return datetime.fromisoformat(
        client.get(f"/v1/feed?after={position - 1}&limit=1").json()["events"][0]["recorded_at"]
    )


@pytest.mark.parametrize("path", READS)
def test_a_date_leads_to_the_answer_of_then(london: Client, path: str) -> None:
    """302 to a frozen URL, which says from when it is and where others are found; the same date leads there again."""
    now = london.get(path)
    found = at(london, path, date(datetime.now(UTC) + timedelta(days=1)))  # a time to come is now
    assert (found.status_code, found.headers["vary"], found.content) == (302, "Accept-Datetime", b"")
    memento = london.get(found.headers["location"])
    assert memento.json() == now.json()
    assert "immutable" in memento.headers["cache-control"]
    dated = memento.headers["memento-datetime"]
    assert parsedate_to_datetime(dated) == recorded(london, memento.json()["known_position"]).replace(microsecond=0)
    assert "memento-datetime" not in now.headers
    assert "Accept-Datetime" in now.headers["vary"]
    original = memento.links["original timegate"]["url"]
    assert original == now.links["original timegate"]["url"] == found.links["original timegate"]["url"]
    assert at(london, original, dated).headers["location"] == found.headers["location"]
    assert london.get(original).json() == now.json()


def test_k_is_the_last_event_by_then(london: Client) -> None:
    """The date stands for its whole second; D is the day of the date where the query names none."""
    last = recorded(london, len(LONDON))
    assert at(london, ISSUE, date(last)).headers["ledger-position"] == str(len(LONDON))
    before = at(london, ISSUE, date(recorded(london, 1) - timedelta(days=2)))
    day = (recorded(london, 1) - timedelta(days=2)).date()
    assert before.headers["location"] == f"{ISSUE}?as_of={day}&known_position=0"
    assert london.get(before.headers["location"]).status_code == 404
    there = at(london, f"{ISSUE}?as_of=2025-06-10", date(last)).headers["location"]
    assert there == f"{ISSUE}?as_of=2025-06-10&known_position={len(LONDON)}"


@pytest.mark.parametrize(
    "query",
    ["known_position=3", "known_position=3&as_of=2025-06-10", "known_basis=published", "sources=none&known_position=3"],
)
def test_where_k_is_given_the_date_has_no_effect(london: Client, query: str) -> None:
    """A memento answers itself, and days of publication are no dates of recording."""
    plain = london.get(f"/v1/issues?{query}")
    assert at(london, f"/v1/issues?{query}", "Tue, 10 Jun 2025 12:00:00 GMT").content == plain.content


@pytest.mark.parametrize(
    "when",
    [
        "",
        "yesterday",
        "2025-06-10T12:00:00Z",
        "Tue, 10 Jun 2025 12:00:00",
        "Tue, 99 Jun 2025 12:00:00 GMT",
        "1" * 5_000,
    ],
)
def test_what_is_no_date_is_refused(london: Client, when: str) -> None:
    """What RFC 9110 has no date of is 400."""
    answer = at(london, ISSUE, when)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request")


def test_a_date_before_1970_is_before_the_first_event(london: Client) -> None:
    """Nothing had been recorded."""
    assert at(london, ISSUE, "Tue, 10 Jun 1925 12:00:00 GMT").headers["ledger-position"] == "0"


ITEM = "/v1/restrictions/china-seven-rare-earths-control"


@pytest.mark.parametrize("path", [ISSUE, ITEM])
def test_a_timemap_has_every_memento(london: Client, path: str) -> None:
    """It has each event on the item, in order, page by page; each URL answers as known then, with that date."""
    on = london.get(f"/v1/events?limit=500&{'issue' if path == ISSUE else 'item'}={path.rpartition('/')[2]}").json()
    link = london.get(f"{path}?as_of=2025-12-01").links["timemap"]
    assert link["type"] == "application/link-format"
    whole = london.get(link["url"])
    assert whole.headers["content-type"].startswith("application/link-format")
    first, *mementos = parsed(whole.text)
    assert first == (f"{path}?as_of=2025-12-01", {"rel": "original timegate"})
    assert [url.rpartition("=")[2] for url, _ in mementos] == [str(event["position"]) for event in on["items"]]
    for url, given in mementos:
        answer = london.get(url)
        assert (answer.status_code, answer.headers.get("memento-datetime")) in {(200, given["datetime"]), (404, None)}
    dated = mementos[-1][1]["datetime"]
    end = parsedate_to_datetime(dated)
    then = sum(recorded(london, position).replace(microsecond=0) <= end for position in range(1, len(LONDON) + 1))
    assert at(london, first[0], dated).headers["location"] == f"{first[0]}&known_position={then}"
    paged, url = [], f"{link['url']}&limit=2"
    while url:
        page = london.get(url)
        paged += parsed(page.text)[1:]
        url = page.links.get("next", {}).get("url", "")
    assert paged == mementos


def test_a_timemap_of_nothing_is_404(london: Client) -> None:
    """What is not there, or is of another kind, has none; days of publication are no dates."""
    for path in ("/v1/issues/none-such", "/v1/restrictions/none-such", ITEM.replace("restrictions", "rounds")):
        assert london.get(f"{path}/timemap").status_code == 404
    assert london.get(f"{ISSUE}/timemap?known_basis=published").json()["type"] == "/problems/bad-query"
    assert london.get(f"{ISSUE}/timemap?known_position=0").status_code == 404


def parsed(links: str) -> list[tuple[str, dict[str, str]]]:
    """Read links: each a URL with its parameters."""
    found = []
    for line in links.split(",\n"):
        url, *parameters = line.split("; ")
        found.append(
            (url[1:-1], {name: value.strip('"') for name, _, value in (each.partition("=") for each in parameters)})
        )
    return found
