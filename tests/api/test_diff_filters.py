"""`/v1/diff` by issue and party: the items that lists with the same filters have at either of the points."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.domain.vocabulary.kinds import KINDS
from service.storage import files

Client = TestClient[Litestar]
LINES = [json.loads(line) for line in (files.data("seeds") / "us-china.ndjson").read_bytes().splitlines()]
BASES = ("known_basis=recorded", "known_basis=published&known_at=2026-01-01")
FILTERS = [
    {"party": "MX"},
    {"party": "DE,VN"},
    {"issue": "entity-list,solar-trade", "party": "CN"},
    {"issue": "fentanyl-tariffs"},
]


@pytest.fixture
def seeded(client: Client) -> Client:
    """The US-China set, with a duty of the EU and an exclusion from a measure against all."""
    for first in range(0, len(LINES), 200):
        client.post("/v1/events", json={"events": LINES[first : first + 200]}).raise_for_status()
    head = {
        "issues": ["entity-list"],
        "occurred": "2025-03-10",
        "reports": [{"outlet": "A", "published": "2025-03-11"}],
    }
    goods = {"instrument": "tariff", "goods": [{"name": "steel"}]}
    events = [
        {"type": "restriction.imposed", "item": "of-the-eu", "imposed_by": "EU", "against": ["VN"], **goods},
        {"type": "restriction.imposed", "item": "on-all", "imposed_by": "CN", "except_parties": ["MX"], **goods},
        {"type": "clearance.granted", "item": "from-it", "granted_by": "CN", "beneficiaries": [{"name": "A"}]}
        | {"restriction": "on-all"},
    ]
    client.post("/v1/events", json={"events": [head | event for event in events]}).raise_for_status()
    return client


def differing(client: Client, query: str, limit: int) -> list[dict[str, Any]]:
    """Read all pages of a diff."""
    found, cursor = [], ""
    while True:
        answer = client.get(f"/v1/diff?{query}&limit={limit}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def listed(client: Client, query: str, filters: dict[str, str]) -> set[str]:
    """Name what lists with the same filters have, of every kind; an issue is in itself."""
    found: set[str] = set()
    for kind in KINDS.values():
        given = filters if kind.name != "issue" else {name: filters[name] for name in filters if name != "issue"}
        asked = "".join(f"&{name}={value}" for name, value in given.items())
        ended = "" if kind.name == "issue" else "&include=ended"
        items = client.get(f"/v1/{kind.plural}?{query}{asked}{ended}&limit=1000&sources=none").raise_for_status().json()
        names = {each["id"] for each in items["items"]}
        own = set(filters["issue"].split(",")) if kind.name == "issue" and "issue" in filters else names
        found |= names & own
    return found


def test_a_diff_is_filtered_as_lists_are(seeded: Client) -> None:
    """Of the changes between two days those remain whose items pass on one of them, on both bases, page by page."""
    for basis in BASES:
        query = f"from=2025-03-01&to=2025-05-20&{basis}"
        every = differing(seeded, query, 1_000)
        for filters in FILTERS:
            right = set().union(
                *[listed(seeded, f"as_of={day}&{basis}", filters) for day in ("2025-03-01", "2025-05-20")]
            )
            asked = query + "".join(f"&{name}={value}" for name, value in filters.items())
            expected = [each for each in every if each["id"] in right]
            assert 0 < len(expected) < len(every), filters
            for limit in (3, 1_000):
                assert differing(seeded, asked, limit) == expected, (basis, filters, limit)
    known = f"as_of=2025-05-20&known_from=200&known_to={len(LINES)}"
    every, right = differing(seeded, known, 1_000), set[str]()
    for position in (200, len(LINES)):
        right |= listed(seeded, f"as_of=2025-05-20&known_position={position}", {"party": "VN,DE"})
    assert differing(seeded, f"{known}&party=VN,DE", 7) == [each for each in every if each["id"] in right] != []


def test_filters_of_a_diff_are_checked(client: Client) -> None:
    """An unknown party is refused, and so are the filters where an issue is given already."""
    for path in ("/v1/diff?from=2025-01-01&party=XX", "/v1/issues/a/diff?from=2025-01-01&party=CN"):
        assert client.get(path).status_code == 422
