"""Answers have a bound in bytes: a page of large states is short, and the pages together are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.costs import MB, metered
from tests.events import event, imposed, opening
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.servers import Server

ITEMS = 24
LARGE = [{"outlet": f"o{n}", "url": "https://example.org/" + "x" * 1_900, "title": "y" * 180} for n in range(64)]
EASED = [
    ("2025-01-02", "rate_percent", 10),
    ("2025-01-03", "portion", "part"),
    ("2025-01-04", "legal_reference", "US-EO:14257"),
]
"""Changes of terms: each gives another, so that a state rests on all of them."""
PAGE_MAX = 3 * MB
"""Bytes of an answer: 2 MiB of states, and what is around them."""
GROWN_MAX = 150 * MB


@pytest.fixture(scope="module")
def server(shared_url: str) -> Iterator[Server]:
    """A service with restrictions whose states have 0.5 MB each."""
    with serving(shared_url) as running, plain_client(running.url) as client:
        client.post("/v1/events", json={"events": [opening("chips")]}).raise_for_status()
        for number in range(ITEMS):
            facts = [
                imposed(f"ban-{number}", "chips", occurred="2025-01-01", against=["CN"], reports=LARGE),
                *(
                    event("restriction.eased", f"ban-{number}", "chips", occurred=day, reports=LARGE, **{name: value})
                    for day, name, value in EASED
                ),
            ]
            for fact in facts:
                client.post("/v1/events", json={"events": [fact]}).raise_for_status()
        yield running


def pages(client: httpx.Client, path: str) -> list[list[dict[str, Any]]]:
    """Read every page of a list, with the largest limit."""
    found, cursor = [], None
    while True:
        answer = client.get(f"{path}&cursor={cursor}" if cursor else path).raise_for_status()
        assert len(answer.content) < PAGE_MAX
        body = answer.json()
        items = body["items"]
        found.append([each for of_kind in items.values() for each in of_kind] if isinstance(items, dict) else items)
        cursor = body["next"]
        if cursor is None:
            return found


BANS = [f"ban-{number}" for number in range(ITEMS)]
BASES = ("", "&known_basis=published")
DAY = "as_of=2025-02-01&limit=1000"
QUESTIONS = {
    "the items of a kind": (f"/v1/restrictions?{DAY}", BANS),
    "items by party": (f"/v1/restrictions?against=CN&{DAY}", BANS),
    "items by words": (f"/v1/restrictions?q=ban&{DAY}", BANS),
    "an issue": (f"/v1/issues/chips?{DAY}", BANS),
    "exposure": (f"/v1/exposure?good=terbium&party=CN&{DAY}", BANS),
    "a timeline": ("/v1/issues/chips/timeline?limit=1000", None),
    "a history": ("/v1/restrictions/ban-0/versions?limit=1000", None),
    "a difference": ("/v1/issues/chips/diff?from=2025-01-02&to=2025-02-01&limit=1000", BANS),
}


@pytest.mark.row(26)
@pytest.mark.parametrize("basis", BASES, ids=["recorded", "published"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_of_large_states_is_short(
    server: Server, question: str, basis: str, figure: Callable[[str], None]
) -> None:
    """No answer has more than 2 MiB of states, whatever the limit; its pages together have every item once."""
    path, wanted = QUESTIONS[question]
    with plain_client(server.url) as client, metered(server) as cost:
        found = pages(client, path + basis)
    assert cost.grown < GROWN_MAX
    if wanted is not None:
        assert len(found) > 1
        assert [each["id"] for page in found for each in page] == wanted
    figure(f"{question}: {len(found)} pages, {cost}")
