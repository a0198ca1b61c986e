"""Where a page as published ends for its work is part of a frozen answer: nothing recorded later moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.events import corrected, event, imposed, opening, record
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

Event = dict[str, Any]
FACTS = 60
"""Facts of a heavy item: with 64 reports each, seven such items are more work than a page may take."""
HEAVY = 12
URL = "https://example.org/" + "x" * 60
QUESTIONS = (
    "/v1/restrictions?party=CN&limit=1000",
    "/v1/restrictions?against=US&good=terbium&limit=5",
    "/v1/restrictions?good=terbium&q=terbium",
    "/v1/restrictions?status=suspended,lifted",
    "/v1/clearances?good=terbium",
    "/v1/exposure?good=terbium&party=CN",
    "/v1/exposure?good=terbium&party=CN&compared=no",
    "/v1/exposure?good=terbium&origin=US&destination=CN",
    "/v1/exposure?hs=8542&party=CN&include=ended",
    "/v1/between?a=CN&b=US",
    "/v1/between?a=CN&b=US&good=terbium&limit=4",
    "/v1/changes?from=2025-01-01&to=2025-03-01&good=gallium",
    "/v1/exposure?good=gallium&party=JP&sources=all",
    "/v1/issues?party=CN",
    "/v1/issues/chips",
    "/v1/issues/chips/diff?from=2025-01-02&to=2025-02-01",
    "/v1/events?party=CN&limit=1000",
)


def reports(day: str) -> list[Event]:
    """Make as many reports as an event may have, all of one day."""
    return [{"outlet": f"outlet {number}", "published": day, "url": URL} for number in range(64)]


def heavy(item: str, good: str, **fields: object) -> list[Event]:
    """Make a restriction that became known in another order than it was recorded."""
    terms = {"against": ["US"], "goods": [{"name": good}], "occurred": "2025-01-01"} | fields
    first = imposed(item, "chips", reports=reports("2025-03-01"), **terms)
    days = [(f"2025-01-{number % 27 + 2:02}", f"2025-02-{number % 27 + 1:02}") for number in range(FACTS)]
    changes = [event("restriction.tightened", item, "chips", occurred=on, reports=reports(out)) for on, out in days]
    return [first, *changes]


def cleared(item: str, restriction: str) -> Event:
    """Make a clearance that names no goods: it is about those of a restriction."""
    terms = {"granted_by": "CN", "beneficiaries": [{"name": "A maker"}], "restriction": restriction}
    return event("clearance.granted", item, "chips", **terms)


def clocks(question: str, known: dict[str, str]) -> str:
    """Return the parameters for D and K of a question; what is about every day has no D."""
    has_day = not any(part in question for part in ("/changes", "/diff", "/events"))
    return urlencode({"as_of": "2025-06-01", **known} if has_day else known)


def answered(client: httpx.Client, url: str) -> bytes:
    """Return the answer to a question that can be answered."""
    answer = client.get(url)
    assert answer.status_code == 200, f"{url}: {answer.text}"
    return answer.content


def append(client: httpx.Client, events: Iterable[Event]) -> None:
    """Record events, some a request: a request has a bound of work."""
    every = [*events]
    for start in range(0, len(every), 20):
        answer = client.post("/v1/events", json={"events": every[start : start + 20]})
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("basis", ["recorded", "published"])
def test_what_is_recorded_later_moves_no_end_of_a_page(migrated_url: str, basis: str) -> None:
    """Items that come to be about what is asked, or no longer are, count for nothing at an earlier K."""
    early = [heavy(f"early-{number}", "gallium", against=["DE"], imposed_by="JP") for number in range(2)]
    asked = [heavy(f"asked-{number}", "terbium") for number in range(HEAVY)]
    quiet = [imposed(f"quiet-{number}", "chips", "ships", goods=[{"name": "germanium"}]) for number in range(4)]
    with serving(migrated_url) as server, plain_client(server.url) as client:
        append(client, [opening("chips"), opening("ships")])
        append(client, [fact for item in early for fact in item])
        append(client, [*quiet, cleared("a-clearance", "quiet-0")])
        append(client, [fact for item in asked for fact in item])
        known = client.get("/v1/restrictions/asked-0", params={"known_basis": basis}).raise_for_status().json()
        given = {name: str(known[name]) for name in ("known_basis", "known_position", "known_at") if name in known}
        pinned = {each: f"{each}{'&' if '?' in each else '?'}{clocks(each, given)}" for each in QUESTIONS}
        before = {question: answered(client, url) for question, url in pinned.items()}
        for item in early:
            of_terbium = item[0] | {"goods": [{"name": "terbium"}], "against": ["US"], "imposed_by": "CN"}
            append(client, [corrected(item[0], of_terbium)])
        for each in quiet:
            append(client, [corrected(each, each | {"goods": [{"name": "terbium"}], "in_place_of": ["asked-0"]})])
        for item in asked[3:]:
            append(client, [corrected(item[0], item[0] | {"goods": [{"name": "terbium"}, {"name": "gallium"}]})])
        append(client, [event("restriction.lifted", "asked-1", "chips", occurred="2025-01-01")])
        append(client, [record("retracted", asked[2][0])])
        append(client, [cleared(f"clearance-{number}", f"asked-{number}") for number in range(5)])
        append(client, [fact for number in range(2) for fact in heavy(f"late-{number}", "terbium")])
    with serving(migrated_url) as server, plain_client(server.url) as client:  # another process: no answer is kept
        after = {question: client.get(url).content for question, url in pinned.items()}
    assert {question for question in QUESTIONS if after[question] != before[question]} == set()
