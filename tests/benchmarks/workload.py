"""What is appended: the facts of 50 issues as JSON bodies of one event each, about 600 bytes, the same at every run.

One event in ten opens a new item; the others change an item that has one to nine facts, five on average. One date in
ten is uncertain (a month or a range), one fact in twelve comes late.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from service.domain.vocabulary.events import AnyEvent, Batch, Fact

Json = dict[str, Any]

ISSUES = 50
POOL = 500
"""Items that are open to change at a time."""
LIFE = 10
"""Facts that an item gets, its opening included."""
_ID_AT = slice(12, 56)
"""Where a body has the event's id, which `without_id` takes out."""
_LIVES: dict[str, tuple[int, list[str], list[str], str]] = {
    # kind: its share of the items, openings, changes, end
    "restriction": (
        4,
        ["announced", "imposed", "imposed"],
        ["tightened", "eased", "extended", "suspended", "suspension_extended", "reinstated"],
        "lifted",
    ),
    "clearance": (3, ["applied", "agreed", "granted"], ["extended", "suspended", "reinstated"], "revoked"),
    "commitment": (1, ["given"], ["partially_fulfilled", "breach_alleged"], "fulfilled"),
    "round": (1, ["scheduled"], ["postponed", "started", "session_held", "adjourned", "resumed"], "concluded"),
    "agreement": (1, ["framework_reached", "signed"], ["extended", "suspended", "reinstated"], "terminated"),
}
_GOODS = [
    {"name": "dysprosium", "element": "Dy", "hs": "284690"},
    {"name": "terbium", "element": "Tb", "hs": "280530"},
    {"name": "permanent magnets", "hs": "850511"},
    {"name": "AI accelerators", "eccn": "3A090"},
    {"name": "lithography systems", "eccn": "3B001", "hs": "848620"},
    {"name": "gallium", "element": "Ga", "hs": "811292"},
    {"name": "passenger cars", "hs": "8703"},
    {"name": "soybeans", "hs": "120190"},
]
_PARTIES = ["CN", "US", "EU", "JP", "GB", "KR", "IN", "VN"]
_OUTLETS = ["Central News Agency", "Ministry of Commerce", "Federal Register", "Business Daily", "Trade Monitor"]
_FIRMS = ["Northern Motors", "Rhine Automotive", "Pacific Magnetics", "Harbour Semiconductors"]


class Body(NamedTuple):
    """One append: the JSON as it is posted, and the item and change it holds."""

    json: bytes
    item: str
    change: str
    opens: bool


def without_id(body: bytes) -> bytes:
    """Take the event's id out of a body."""
    return body[: _ID_AT.start] + body[_ID_AT.stop :]


def event_json(body: bytes) -> bytes:
    """Return the event alone, as the peers store it."""
    return body[len(b'{"events":[') : -len(b"]}")]


class Item:
    """An item, to which one fact after the other is given."""

    def __init__(self, name: str, kind: str, issues: list[str], day: date) -> None:
        """Begin without a fact."""
        self.name, self.kind, self.issues, self.day, self.facts = name, kind, issues, day, 0


class Workload:
    """Makes the bodies in order; what is made is kept, so that each contender appends the same."""

    def __init__(self, seed: int = 1) -> None:
        """Begin with the issues and a pool of items in the middle of their lives."""
        self._start(seed)
        self._bodies: list[Body] = []
        self.issues = [f"issue-{number:02}" for number in range(ISSUES)]
        self.openings = [self._body(self._issue(slug), slug, opens=True) for slug in self.issues]
        self._pool = [self._item() for _ in range(POOL)]
        self.start = [self._next(item) for item in self._pool for _ in range(self._draw.randrange(LIFE))]

    def _start(self, seed: int) -> None:
        self._draw = Random(seed)  # noqa: S311 - the same at every run
        self._items_made = self._bodies_made = 0

    def bodies(self, first: int, count: int) -> list[Body]:
        """Return `count` bodies from the `first` on, made on demand."""
        while len(self._bodies) < first + count:
            place = self._draw.randrange(POOL)
            if self._pool[place].facts == LIFE:
                self._pool[place] = self._item()
            self._bodies.append(self._next(self._pool[place]))
        return self._bodies[first : first + count]

    def items_of(self, issue: str, items: int, facts: int) -> list[list[Body]]:
        """Return new items of one issue, each with so many facts: first all openings, then each round of changes."""
        made = [self._item(issues=[issue]) for _ in range(items)]
        return [[self._next(item) for item in made] for _ in range(facts)]

    def _item(self, *, issues: list[str] | None = None) -> Item:
        kind = self._draw.choices(list(_LIVES), [life[0] for life in _LIVES.values()])[0]
        self._items_made += 1
        chosen = issues or self._draw.sample(self.issues, 2 if self._draw.random() < 0.1 else 1)
        day = date(2023, 1, 1) + timedelta(self._draw.randrange(700))
        return Item(f"{kind}-{self._items_made}", kind, chosen, day)

    def _next(self, item: Item) -> Body:
        _, openings, changes, end = _LIVES[item.kind]
        opens, ends = item.facts == 0, item.facts == LIFE - 1
        name = self._draw.choice(openings) if opens else end if ends else self._draw.choice(changes)
        return self._fact(item, name, self._dates(item, opens=opens), opens=opens)

    def _change(self, item: Item, day: date) -> Body:
        """Make a change of one certain day."""
        return self._fact(item, self._draw.choice(_LIVES[item.kind][2]), {"occurred": day.isoformat()}, opens=False)

    def _fact(self, item: Item, name: str, dates: Json, *, opens: bool) -> Body:
        item.facts += 1
        head: Json = {"type": f"{item.kind}.{name}", "issues": item.issues, "item": item.name}
        event = head | dates | self._terms(item, opens=opens)
        return self._body(event | {"reports": self._reports(item.day)}, item.name, opens=opens)

    def _body(self, event: Json, item: str, *, opens: bool) -> Body:
        self._bodies_made += 1
        id_ = UUID(int=(self._bodies_made << 80) | (7 << 76) | (2 << 62) | self._draw.getrandbits(62))
        json = msgspec.json.encode({"events": [{"id": id_, **event}]})
        return Body(json, item, event["type"], opens)

    def _issue(self, slug: str) -> Json:
        return {
            "type": "issue.opened",
            "issues": [slug],
            "item": slug,
            "occurred": "2023-01-01",
            "title": f"Trade matter {slug}",
            "summary": "Export controls, tariffs and the talks about them.",
            "parties": ["CN", "US"],
            "reports": self._reports(date(2023, 1, 1)),
        }

    def _dates(self, item: Item, *, opens: bool) -> Json:
        late = not opens and self._draw.random() < 1 / 12
        day = item.day - timedelta(self._draw.randrange(60)) if late else item.day
        if not late:
            item.day += timedelta(self._draw.randrange(5, 40))
        dates: Json = {"occurred": self._written(day)}
        if self._draw.random() < 0.25:
            dates["effective"] = (day + timedelta(self._draw.randrange(32, 60))).isoformat()
        if opens and self._draw.random() < 0.3:
            dates["until"] = (day + timedelta(self._draw.randrange(180, 720))).isoformat()
        return dates

    def _written(self, day: date) -> str:
        chance = self._draw.random()
        if chance < 0.05:
            return f"{day:%Y-%m}"
        return f"[{day}..{day + timedelta(self._draw.randrange(1, 6))}]" if chance < 0.1 else day.isoformat()

    def _terms(self, item: Item, *, opens: bool) -> Json:
        one, other = self._draw.sample(_PARTIES, 2)
        goods = self._draw.sample(_GOODS, 2)
        number = self._draw.randrange(1, 99)
        firms = [{"name": name, "country": other} for name in self._draw.sample(_FIRMS, 2)]
        if opens and item.kind == "restriction":
            terms: Json = {"imposed_by": one, "against": [other], "instrument": "export_control"}
            return terms | {"goods": goods, "legal_reference": f"{one}-MOFCOM:2025/{number}"}
        if opens and item.kind == "clearance":
            return {"granted_by": one, "beneficiaries": firms, "goods": goods[:1], "scope": "general licence"}
        people = [{"name": "A vice premier", "role": "head of delegation", "party": one}]
        rest: dict[str, Json] = {
            "restriction": {"rate_percent": number, "goods": goods},
            "clearance": {"scope": "six months, for civil end users named in the licence", "temporary": True},
            "commitment": {"by": one, "to": other, "action": "issue licences within 45 working days of each request"},
            "round": {"city": "London", "country": "GB", "participants": people, "topics": ["magnets", "chips"]},
            "agreement": {"parties": [one, other], "title": f"Framework of {one} and {other} on critical goods"},
        }
        return rest[item.kind]

    def _reports(self, day: date) -> list[Json]:
        return [self._report(day) for _ in range(1 if self._draw.random() < 0.8 else 2)]

    def _report(self, day: date) -> Json:
        outlet = self._draw.choice(_OUTLETS)
        return {
            "outlet": outlet,
            "title": f"{outlet}: what was decided, and from when it holds",
            "url": f"https://example.org/notices/{day:%Y/%m}/{self._draw.randrange(10_000, 99_999)}",
            "published": (day + timedelta(1)).isoformat(),
            "language": "en",
            "kind": self._draw.choice(["official", "named", "anonymous"]),
            "speaker": "A spokesperson of the ministry",
            "locator": f"paragraph {self._draw.randrange(1, 30)}",
        }


def batches(bodies: list[Body], size: int = 500) -> list[Batch]:
    """Put bodies together into larger batches, to fill a ledger before it is measured."""
    decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(AnyEvent)
    events = [decoder.decode(event_json(body.json)) for body in bodies]
    return [Batch(events=tuple(events[first : first + size])) for first in range(0, len(events), size)]
