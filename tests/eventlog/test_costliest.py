"""A search for the costliest request: batches of every shape that the bounds allow, and questions about them.

It keeps what cost most and varies it further. `PARLEY_TEST_SEARCH` is the number of batches that a search tries.
"""

from __future__ import annotations

import os
import random
from dataclasses import astuple, dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

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
CPU_MAX, GROWN_MAX, BLOCKED_MAX, WAIT_MAX = 1.0, 200 * MB, 0.1, 0.6
"""Others are to wait for 0.1 s of the server's work at most; a busy machine adds what else it does."""
REPEATED = 2
"""How often a request is made again that was beyond a bound: what the machine does beside it is not its cost."""
BASE = date(2001, 1, 1)
ORDERS = ("first", "last", "random", "same")
DATES = ("days", "ranges", "pairs", "mixed", "one")
CHANGES = ("eased", "tightened", "extended", "suspended", "reinstated", "lifted")


@dataclass(frozen=True)
class Shape:
    """What a batch is like: facts on so many items, their days, dates, reports, texts, and records on them.

    `lone` are requests after it of one record each, on the first fact: it may change every answer of its item.
    """

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
    names: int = 1
    goods: int = 1
    issues: int = 1
    changes: int = 3
    corrections: int = 0
    added: int = 0
    disputes: int = 0
    retractions: int = 0
    parts: int = 1
    lone: int = 0

    def __str__(self) -> str:
        """Write the members that are not as usual."""
        usual = Shape()
        members = [f"{name}={value}" for name, value in vars(self).items() if value != getattr(usual, name)]
        return ", ".join(members) or "the usual"


LIMITS: dict[str, int] = {
    "facts": 1_000, "items": 200, "uncertain": 64, "spread": 4_000, "fields": 3, "reports": 64, "report_bytes": 1_900,
    "report_dates": 64, "entities": 1_000, "names": 64, "goods": 256, "issues": 32, "changes": len(CHANGES),
    "corrections": 400, "added": 400, "disputes": 400, "retractions": 400, "parts": 8, "lone": 4,
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


LONGEST = Shape(facts=9_990, spread=10_000, order="first", changes=1, lone=2)
"""An item as long as may be, each of whose answers rests on its first fact: tried once, for it takes long."""
FOUND = (
    Shape(facts=52, order="first", dates="mixed", spread=800, entities=700, names=39, added=4, parts=2, lone=4),
    Shape(
        facts=80, items=4, order="same", dates="pairs", uncertain=2, fields=3, reports=64, report_dates=53, goods=2,
        corrections=158, added=377, disputes=400,
    ),
    Shape(
        facts=482, items=8, order="same", uncertain=15, fields=3, reports=64, report_dates=57, goods=2,
        corrections=158, added=377, disputes=400, parts=4,
    ),
    Shape(facts=744, items=97, spread=800, reports=4, report_bytes=50, issues=14, changes=6),
    Shape(facts=1, disputes=4_000, parts=80),
)  # fmt: skip
"""What earlier searches found beyond a bound: many names, reports of uncertain dates, issues, or records on a fact."""


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
        lone = [[self._on_first(facts[0])] for _ in range(shape.lone)]
        return [every[start : start + size] for start in range(0, len(every), size)] + lone

    def _on_first(self, first: Event) -> Event:
        change = self._choose.choice(("corrected", "disputed", "retracted"))
        if change != "corrected":
            return record(change, first, **({"reason": "why"} if change == "disputed" else {}))
        text = {name: value for name, value in first.items() if name != "id"}
        return record("corrected", first, event=text | {"against": [self._choose.choice(("US", "EU", "JP"))]})

    def _fact(self, shape: Shape, number: int, issues: list[str]) -> Event:
        item = f"{self._name}-{number % shape.items}"
        dates = self._dates(shape, number)
        common: Event = {"reports": self._reports(shape), **dates, "goods": self._goods(shape)}
        if number < shape.items:
            return imposed(item, *issues[: shape.issues], **common)
        if shape.entities:
            first = number % shape.names * shape.entities
            common["entities"] = [{"name": f"Entity {first + index}"} for index in range(shape.entities)]
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
        yield f"/v1/exposure?good=terbium&party=CN&{shared}&limit=1000&sources=all"
        yield f"/v1/changes?good=terbium&{shared}&from=2001-01-01&to=2012-01-01&limit=1000"
        yield f"/v1/diff?party=CN&{shared}&from=2001-01-01&to=2003-01-01&limit=1000"
        yield f"/v1/restrictions?sort=id&{shared}&limit=1000"
        yield f"/v1/events?{shared}&limit=1000"


class Found:
    """The costliest of some requests, by CPU, memory, and what others waited for."""

    def __init__(self) -> None:
        """Begin with none."""
        self.worst: dict[str, tuple[float, str]] = {}
        self.beyond: list[str] = []
        """What cost too much."""

    def add(self, cost: Cost, what: str) -> None:
        """Take in a request."""
        if beyond(cost):
            self.beyond.append(f"{what}: {cost}")
        for name, size in (
            ("s of CPU", cost.cpu),
            ("MB", cost.grown / MB),
            ("ms that others waited", 1_000 * cost.waited),
            ("ms of CPU during it", 1_000 * cost.blocked),
        ):
            self.worst[name] = max(self.worst.get(name, (0.0, "")), (size, what))

    def __str__(self) -> str:
        """Write them in a line each."""
        return "; ".join(f"{size:.2f} {name} for {what}" for name, (size, what) in self.worst.items())


class Tried(NamedTuple):
    """A request of a shape, and what it cost."""

    kind: str
    what: str
    cost: Cost


def tried(client: httpx.Client, server: Server, shape: Shape, number: int, again: int = 0) -> list[Tried]:
    """Record the batches of a shape, and ask about them; `again` is for names that are new where it is repeated."""
    choose, name = random.Random(number), f"{number}-{again}"  # noqa: S311 - repeatable
    issues = [f"issue-{name}-{index}" for index in range(shape.issues)]
    opened = client.post("/v1/events", json={"events": [opening(issue) for issue in issues]})
    opened.raise_for_status()
    asked: list[tuple[str, str, Any]] = [
        ("append", "/v1/events", {"events": batch}) for batch in Batches(choose, f"item-{name}").make(shape, issues)
    ]
    asked += [("read", question, None) for question in questions(f"item-{name}-0", issues[0])]
    found = []
    for kind, path, body in asked:
        with metered(server) as cost:
            answer = client.get(path) if body is None else client.post(path, json=body)
        assert answer.status_code in {200, 201, 404, 413, 422}, f"{path}: {answer.status_code} {answer.text[:300]}"
        named = path.replace(f"-{name}", "") if body is None else f"{len(body['events'])} events"
        found.append(Tried(kind, f"{named} ({shape})", cost))
    return found


def steadily(client: httpx.Client, server: Server, shape: Shape, number: int) -> list[Tried]:
    """Try a shape, once more and again if something is beyond a bound: the least that each cost is its cost.

    What else the machine does comes and goes.
    """
    found = tried(client, server, shape, number)
    for again in range(1, REPEATED + 1):
        if not any(beyond(each.cost) for each in found):
            break
        more = tried(client, server, shape, number, again)
        found = [
            Tried(kind, what, Cost(*map(min, astuple(cost), astuple(other.cost))))
            for (kind, what, cost), other in zip(found, more, strict=True)
        ]
    return found


def beyond(cost: Cost) -> bool:
    """Return whether a request cost too much."""
    return cost.cpu > CPU_MAX or cost.grown > GROWN_MAX or cost.blocked > BLOCKED_MAX or cost.waited > WAIT_MAX


@pytest.mark.attack
@pytest.mark.row(61)
@pytest.mark.parametrize("seed", range(4))
def test_no_request_that_a_search_finds_is_beyond_the_bound(
    migrated_url: str, seed: int, figure: Callable[[str], None]
) -> None:
    """The costliest request costs a second of CPU and 200 MB at most, and others have their turns."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    found = {"append": Found(), "read": Found()}
    first = () if seed else (LONGEST, *FOUND)
    best: list[tuple[float, int, Shape]] = []
    with serving(migrated_url) as server, plain_client(server.url) as client:
        for number in range(TRIES):
            known = Shape() if number < BEST else choose.choice(best)[2]
            shape = first[number] if number < len(first) else varied(known, choose)
            each_tried = steadily(client, server, shape, number)
            for kind, what, each in each_tried:
                found[kind].add(each, what)
            cost = Cost(*[max(column) for column in zip(*[astuple(each.cost) for each in each_tried], strict=True)])
            score = cost.cpu / CPU_MAX + cost.grown / GROWN_MAX + cost.blocked / BLOCKED_MAX
            if shape != LONGEST:
                best = sorted([*best, (score, number, shape)], reverse=True)[:BEST]
    for kind, worst in found.items():
        figure(f"{kind}: {worst}")
    assert {kind: worst.beyond for kind, worst in found.items()} == {"append": [], "read": []}
