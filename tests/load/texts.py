"""What writers record: facts of every kind, on items and issues that are replaced as they grow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from tests.oracle import CHANGES
from tests.strategies import KINDS, OPTIONAL, REQUIRED

if TYPE_CHECKING:
    import random

Event = dict[str, Any]

FIRST_DAY = date(2025, 1, 1)
DAYS = 360
ITEMS_OPEN = 60
"""Items that facts are recorded on at one time."""
FACTS_OF_ITEM = 12
"""After these an item is left alone: what an append costs grows with the facts of its item."""
ITEMS_OF_ISSUE = 60
ISSUES_OPEN = 4


class Item(NamedTuple):
    """An item: its slug and its kind."""

    slug: str
    kind: str


class Texts:
    """Makes events; no two have the same id."""

    def __init__(self, choose: random.Random) -> None:
        """`choose` decides everything."""
        self._choose = choose
        self.issues: list[str] = []
        """The slugs of all issues, in the order of their opening."""
        self.items: list[Item] = []
        """All items, in the order of their first fact."""
        self._open: list[tuple[Item, list[str]]] = []
        self._facts: dict[Item, int] = {}

    def id(self) -> str:
        """Make an id."""
        return str(UUID(int=self._choose.getrandbits(128), version=4))

    def day(self) -> date:
        """Choose a day."""
        return FIRST_DAY + timedelta(self._choose.randrange(DAYS))

    def issue(self) -> Event:
        """Open another issue; facts name it once `opened` was called."""
        slug = f"issue-{len(self.issues)}-{self._choose.randrange(10**6)}"
        return self._event("issue.opened", slug, [slug]) | REQUIRED["issue"]

    def opened(self, issue: Event) -> None:
        """Let facts name an issue."""
        self.issues.append(issue["item"])

    @property
    def wants_issue(self) -> bool:
        """Return whether the issues that are open have enough items."""
        return len(self.issues) < ISSUES_OPEN + len(self.items) // ITEMS_OF_ISSUE

    def fact(self) -> Event:
        """Make a fact on one of the items that are open, or on an issue."""
        if self._choose.random() < 0.02:
            issue = self._choose.choice(self.issues)
            return self._event("issue.revised", issue, [issue]) | {"title": f"Title {self._choose.random()}"}
        if len(self._open) < ITEMS_OPEN:
            self._open_item()
        item, issues = self._choose.choice(self._open)
        self._facts[item] += 1
        if self._facts[item] == FACTS_OF_ITEM:
            self._open.remove((item, issues))
            del self._facts[item]
        return self.text(item, issues)

    def correction(self, of: Event) -> Event:
        """Make another text of a fact, of the same kind, maybe on another item; it has the id of the fact."""
        kind = of["type"].split(".")[0]
        if kind == "issue":
            return of | {"title": f"Title {self._choose.random()}"}
        others = [item for item, _ in self._open if item.kind == kind]
        same = Item(of["item"], kind)
        item = self._choose.choice([same, same, *others[:2]])
        return self.text(item, of["issues"]) | {"id": of["id"]}

    def text(self, item: Item, issues: list[str]) -> Event:
        """Make a fact on an item."""
        choose, row = self._choose, CHANGES[item.kind].values()
        openings = [change for change in row if change.opens]
        change = choose.choice([*openings, *openings, *row])
        terms = dict(REQUIRED.get(item.kind, {})) if change.opens else {}
        for name, values in OPTIONAL[item.kind].items():
            if choose.random() < 0.3:
                terms[name] = choose.choice(values)
        fact = self._event(f"{item.kind}.{change.name}", item.slug, issues) | terms | self._dates()
        modality = choose.choice([None] * 10 + ["planned", "conditional", "denied"])
        return fact | ({"modality": modality} if modality else {})

    def reports(self) -> list[Event]:
        """Make one or two reports."""
        return [self._report() for _ in range(self._choose.choice([1, 1, 2]))]

    def _open_item(self) -> None:
        kind = self._choose.choice(KINDS)
        item = Item(f"{kind}-{len(self.items)}-{self._choose.randrange(10**6)}", kind)
        newest = self.issues[-ISSUES_OPEN:]
        self.items.append(item)
        self._open.append((item, self._choose.sample(newest, self._choose.randint(1, 2))))
        self._facts[item] = 0

    def _event(self, type_: str, item: str, issues: list[str]) -> Event:
        day = self.day().isoformat()
        shared = {"type": type_, "item": item, "issues": issues, "occurred": day}
        return {"id": self.id(), **shared, "reports": self.reports()}

    def _dates(self) -> Event:
        """Choose dates: late facts are as likely as others, and some days are not sure."""
        choose, first = self._choose, self.day()
        last = first + timedelta(choose.randrange(3))
        dates = {"occurred": f"[{first}..{last}]" if choose.random() < 0.1 else str(first)}
        if choose.random() < 0.3:
            last = last + timedelta(choose.randrange(30))
            dates["effective"] = str(last)
        if choose.random() < 0.3:
            dates[choose.choice(["until", "through"])] = str(last + timedelta(choose.randrange(1, 90)))
        return dates

    def _report(self) -> Event:
        report: Event = {"outlet": self._choose.choice(["Reuters", "Xinhua"]), "language": "en"}
        if self._choose.random() < 0.8:
            report["published"] = self.day().isoformat()
        if self._choose.random() < 0.1:
            report["stance"] = "denies"
        return report
