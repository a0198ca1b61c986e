"""A search for the costliest request: batches of every shape that the bounds allow, and questions about them.

It keeps what cost most and varies it further. `PARLEY_TEST_SEARCH` is the number of batches that a search tries.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.costs import MB, Cost, metered
from tests.events import eased, event, imposed, opening, record
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.servers import Server

Event = dict[str, Any]
TRIES = int(os.environ.get("PARLEY_TEST_SEARCH", "60"))
BEST = 6
"""The costliest shapes so far, which the next ones are made from."""
CPU_MAX, GROWN_MAX, WAIT_MAX = 1.0, 200 * MB, 0.6
"""Others are to wait for 0.1 s at most, and do beside reads on a quiet machine; a busy one adds what else it does."""
BASE = date(2001, 1, 1)
ORDERS = ("first", "last", "random", "same")
DATES = ("days", "ranges", "pairs", "mixed", "one")
CHANGES = ("eased", "tightened", "extended", "suspended", "reinstated", "lifted")


@dataclass(frozen=True)
class Shape:
    """What a batch is like: facts on so many items, their days, dates, reports, texts, and records on them."""

    facts: int = 40
    items: int = 1
    order: str = "last"
    dates: str = "days"
    uncertain: int = 0
    spread: int = 400
    fields: int = 1
    reports: int = 1
    report_bytes: int = 20
    report_dates: int = 0
    entities: int = 0
    goods: int = 1
    issues: int = 1
    changes: int = 3
    corrections: int = 0
    added: int = 0
    disputes: int = 0
    retractions: int = 0
    parts: int = 1

    def __str__(self) -> str:
        """Write the members that are not as usual."""
        usual = Shape()
        members = [f"{name}={value}" for name, value in vars(self).items() if value != getattr(usual, name)]
        return ", ".join(members) or "the usual"


LIMITS: dict[str, int] = {
    "facts": 1_000, "items": 200, "uncertain": 64, "spread": 4_000, "fields": 3, "reports": 64, "report_bytes": 1_900,
    "report_dates": 64, "entities": 1_000, "goods": 256, "issues": 32, "changes": len(CHANGES), "corrections": 400,
    "added": 400, "disputes": 400, "retractions": 400, "parts": 8,
}  # fmt: skip


def varied(shape: Shape, choose: random.Random) -> Shape:
    """Return a shape that differs in some members."""
    changes: dict[str, Any] = {}
    for name in choose.sample([*LIMITS, "order", "dates"], choose.randrange(1, 4)):
        if name == "order":
            changes[name] = choose.choice(ORDERS)
        elif name == "dates":
            changes[name] = choose.choice(DATES)
        else:
            least = 0 if getattr(Shape(), name) == 0 else 1
            now = max(1, getattr(shape, name))
            new = choose.choice((now * 2, now * 4, now // 2, choose.randrange(LIMITS[name] + 1)))
            changes[name] = max(least, min(new, LIMITS[name]))
    return replace(shape, **changes)


class Batches:
    """The batches of a shape, on items that are new each time."""

    def __init__(self, choose: random.Random, name: str) -> None:
        """`name` begins the names of the items."""
        self._choose, self._name = choose, name

    def make(self, shape: Shape, issues: list[str]) -> list[list[Event]]:
        """Return events in batches of 1,000 at most, which are recorded one after the other."""
        facts = [self._fact(shape, number, issues) for number in range(shape.facts)]
        records: list[Event] = []
        for change, count, fields in (
            ("report_added", shape.added, {"reports": self._reports(shape)}),
            ("disputed", shape.disputes, {"reason": "why"}),
        ):
            records += [record(change, self._choose.choice(facts), **fields) for _ in range(count)]
        for _ in range(shape.corrections):
            target = self._choose.choice(facts)
            text = {name: value for name, value in target.items() if name != "id"}
            records.append(record("corrected", target, event=text | {"occurred": self._day(shape, 7)}))
        records += [record("retracted", self._choose.choice(facts)) for _ in range(shape.retractions)]
        every = [*facts, *records]
        size = max(1, min(1_000, -(-len(every) // shape.parts)))
        return [every[start : start + size] for start in range(0, len(every), size)]

    def _fact(self, shape: Shape, number: int, issues: list[str]) -> Event:
        item = f"{self._name}-{number % shape.items}"
        dates = self._dates(shape, number)
        common: Event = {"reports": self._reports(shape), **dates, "goods": self._goods(shape)}
        if number < shape.items:
            return imposed(item, *issues[: shape.issues], **common)
        if shape.entities:
            common["entities"] = [{"name": f"Entity {index}"} for index in range(shape.entities)]
        change = CHANGES[self._choose.randrange(shape.changes)]
        if change == "eased":
            return eased(item, *issues[: shape.issues], **common)
        return event(f"restriction.{change}", item, *issues[: shape.issues], **common)

    def _dates(self, shape: Shape, number: int) -> dict[str, str]:
        names = ("occurred", "effective", "until")[: shape.fields]
        if number >= shape.uncertain:
            return {"occurred": self._day(shape, number)}
        low = self._choose.randrange(shape.spread)
        found = {}
        for index, name in enumerate(names):
            first, last = BASE + timedelta(low + index), BASE + timedelta(low + index + 1 + self._choose.randrange(900))
            kind = self._choose.choice(DATES[:3]) if shape.dates == "mixed" else shape.dates
            if kind == "one":
                first, last, kind = BASE, BASE + timedelta(shape.spread + 900), "ranges"
            found[name] = {"days": f"{first}", "ranges": f"[{first}..{last}]", "pairs": f"[{first},{last}]"}[kind]
        return found

    def _day(self, shape: Shape, number: int) -> str:
        day = {
            "first": number,
            "last": shape.facts - number,
            "random": self._choose.randrange(shape.spread),
            "same": 0,
        }[shape.order]
        return (BASE + timedelta(day % max(1, shape.spread))).isoformat()

    def _reports(self, shape: Shape) -> list[Event]:
        reports: list[Event] = []
        for index in range(shape.reports):
            each: Event = {"outlet": "o", "url": "https://example.org/" + "x" * shape.report_bytes}
            if index < shape.report_dates:
                first = BASE + timedelta(self._choose.randrange(3_000))
                each |= {"published": first.isoformat(), "occurred": f"[{first}..2020-01-01]"}
            reports.append(each)
        return reports

    def _goods(self, shape: Shape) -> list[Event]:
        return [{"name": "terbium"}, *({"name": f"good {index}"} for index in range(1, shape.goods))]


def questions(item: str, issue: str) -> Iterator[str]:
    """Return questions about an item, on both bases."""
    for basis in ("recorded", "published"):
        shared = f"known_basis={basis}"
        yield f"/v1/restrictions/{item}?{shared}&as_of=2003-01-01"
        yield f"/v1/restrictions/{item}/versions?{shared}&limit=1000"
        yield f"/v1/restrictions?issue={issue}&{shared}&limit=1000"
        yield f"/v1/restrictions?q=terbium&issue={issue}&{shared}&limit=1000"
        yield f"/v1/issues/{issue}?{shared}&as_of=2003-01-01&include=ended"
        yield f"/v1/issues/{issue}/timeline?{shared}&limit=1000"
        yield f"/v1/issues/{issue}/diff?{shared}&from=2001-01-01&to=2003-01-01&limit=1000"
        yield f"/v1/exposure?good=terbium&party=CN&{shared}&limit=1000"


class Found:
    """The costliest of some requests, by CPU, memory and how long others waited."""

    def __init__(self) -> None:
        """Begin with none."""
        self.worst: dict[str, tuple[float, str]] = {}

    def add(self, cost: Cost, what: str) -> None:
        """Take in a request."""
        for name, size in (("s of CPU", cost.cpu), ("MB", cost.grown / MB), ("ms of others", 1_000 * cost.waited)):
            self.worst[name] = max(self.worst.get(name, (0.0, "")), (size, what))

    def __str__(self) -> str:
        """Write them in a line each."""
        return "; ".join(f"{size:.2f} {name} for {what}" for name, (size, what) in self.worst.items())


def tried(client: httpx.Client, server: Server, shape: Shape, number: int, found: dict[str, Found]) -> Cost:
    """Record the batches of a shape, ask about them; return the worst of what has a bound."""
    choose = random.Random(number)  # noqa: S311 - repeatable
    issues = [f"issue-{number}-{index}" for index in range(shape.issues)]
    opened = client.post("/v1/events", json={"events": [opening(issue) for issue in issues]})
    opened.raise_for_status()
    worst = Cost()
    asked: list[tuple[str, str, Any]] = [
        ("append", "/v1/events", {"events": batch}) for batch in Batches(choose, f"item-{number}").make(shape, issues)
    ]
    asked += [("read", question, None) for question in questions(f"item-{number}-0", issues[0])]
    for kind, path, body in asked:
        with metered(server) as cost:
            answer = client.get(path) if body is None else client.post(path, json=body)
        assert answer.status_code in {200, 201, 404, 413, 422}, f"{path}: {answer.status_code} {answer.text[:300]}"
        named = path.replace(f"-{number}", "") if body is None else f"{len(body['events'])} events"
        found[kind].add(cost, f"{named} ({shape})")
        worst = Cost(max(worst.cpu, cost.cpu), max(worst.grown, cost.grown), max(worst.waited, cost.waited))
    return worst


@pytest.mark.attack
@pytest.mark.row(61)
@pytest.mark.parametrize("seed", range(4))
def test_no_request_that_a_search_finds_is_beyond_the_bound(
    migrated_url: str, seed: int, figure: Callable[[str], None]
) -> None:
    """The costliest request costs a second of CPU and 200 MB at most, and others have their turns."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    found = {"append": Found(), "read": Found()}
    best: list[tuple[float, int, Shape]] = []
    with serving(migrated_url) as server, plain_client(server.url) as client:
        for number in range(TRIES):
            shape = Shape() if number < BEST or not best else choose.choice(best)[2]
            shape = varied(shape, choose)
            cost = tried(client, server, shape, number, found)
            score = cost.cpu / CPU_MAX + cost.grown / GROWN_MAX + cost.waited / WAIT_MAX
            best = sorted([*best, (score, number, shape)], reverse=True)[:BEST]
    for kind, worst in found.items():
        figure(f"{kind}: {worst}")
    for worst in found.values():
        assert worst.worst["s of CPU"][0] <= CPU_MAX
        assert worst.worst["MB"][0] <= GROWN_MAX / MB
        assert worst.worst["ms of others"][0] <= 1_000 * WAIT_MAX
