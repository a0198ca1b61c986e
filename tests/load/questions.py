"""Questions with D and K pinned, of every kind: their answers may never change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from service.domain.vocabulary.kinds import KINDS
from tests.load.texts import DAYS, FIRST_DAY

if TYPE_CHECKING:
    import random

    from tests.load.ledger import Acknowledged
    from tests.load.texts import Item, Texts

PARTIES = ("CN", "US", "EU")
GOODS = ("dysprosium", "magnets", "AI accelerators")
LIMITS = (3, 20, 200)


class Questions:
    """Makes the targets of GET requests."""

    def __init__(self, choose: random.Random, texts: Texts, ledger: Acknowledged) -> None:
        """Ask about the items and issues of `texts`, as known up to what `ledger` has."""
        self._choose, self._texts, self._ledger = choose, texts, ledger
        self._ways = (
            self._item, self._item, self._items, self._items, self._issue, self._issues, self._timeline,
            self._days, self._positions, self._publications, self._exposure, self._versions, self._events,
        )  # fmt: skip

    @property
    def head(self) -> int:
        """Return the highest position that questions may be about."""
        return self._ledger.head

    def next(self) -> str:
        """Make one; something is recorded."""
        return self._choose.choice(self._ways)()

    def _item(self) -> str:
        item = self._one()
        return _target(f"{KINDS[item.kind].plural}/{item.slug}", self._day() | self._known())

    def _items(self) -> str:
        choose = self._choose
        filters = {
            "issue": choose.choice(self._texts.issues),
            "party": choose.choice(PARTIES),
            "q": choose.choice(["rare", "minister", "a"]),
        }
        chosen = {name: value for name, value in filters.items() if choose.random() < 0.4}
        return _target(KINDS[self._one().kind].plural, self._day() | self._known() | self._limit() | chosen)

    def _issue(self) -> str:
        ended = {"include": "ended"} if self._choose.random() < 0.5 else {}
        return _target(f"issues/{self._issue_slug()}", self._day() | self._known() | self._limit() | ended)

    def _issues(self) -> str:
        return _target("issues", self._day() | self._known() | self._limit())

    def _timeline(self) -> str:
        return _target(f"issues/{self._issue_slug()}/timeline", self._known() | self._limit())

    def _days(self) -> str:
        """What changed between two days."""
        one, other = sorted([self._day()["as_of"], self._day()["as_of"]])
        span = {"from": one, "to": other}
        return _target(f"issues/{self._issue_slug()}/diff", span | self._known() | self._limit())

    def _positions(self) -> str:
        """What was learnt between two positions."""
        one, other = sorted([self._position(), self._position()])
        span = {"known_from": str(one), "known_to": str(other)}
        return _target(f"issues/{self._issue_slug()}/diff", self._day() | span | self._limit())

    def _publications(self) -> str:
        """What was published between two days."""
        one, other = sorted([self._day()["as_of"], self._day()["as_of"]])
        span = {"known_from": one, "known_to": other, "known_basis": "published"}
        known = {"known_position": str(self._position())}
        return _target(f"issues/{self._issue_slug()}/diff", self._day() | span | known | self._limit())

    def _exposure(self) -> str:
        about = {"party": self._choose.choice(PARTIES), "good": self._choose.choice(GOODS)}
        return _target("exposure", about | self._day() | self._known() | self._limit())

    def _versions(self) -> str:
        item = self._one()
        return _target(f"{KINDS[item.kind].plural}/{item.slug}/versions", self._known() | self._limit())

    def _events(self) -> str:
        about = {"issue": self._issue_slug()} if self._choose.random() < 0.5 else {"type": "record.*"}
        return _target("events", about | self._known() | self._limit())

    def _known(self) -> dict[str, str]:
        """Choose K: a position, the present instant or a past one, or a day of publication with a position."""
        way = self._choose.randrange(4)
        if way == 0:
            day = self._day()["as_of"]
            return {"known_basis": "published", "known_at": day, "known_position": str(self._position())}
        if way == 1:
            now = datetime.now(UTC) - timedelta(milliseconds=self._choose.choice([1, 20, 1_000]))
            return {"known_at": now.isoformat(timespec="microseconds").replace("+00:00", "Z")}
        if way == 2 and self._ledger.instants:
            return {"known_at": self._choose.choice(self._ledger.instants)}
        return {"known_position": str(self._position())}

    def _position(self) -> int:
        """Choose a position; recent ones are likelier."""
        return max(self._choose.randint(1, self._ledger.head), self._choose.randint(1, self._ledger.head))

    def _day(self) -> dict[str, str]:
        return {"as_of": (FIRST_DAY + timedelta(self._choose.randrange(-5, DAYS + 60))).isoformat()}

    def _limit(self) -> dict[str, str]:
        return {"limit": str(self._choose.choice(LIMITS))}

    def _one(self) -> Item:
        return self._choose.choice(self._texts.items)

    def _issue_slug(self) -> str:
        return self._choose.choice(self._texts.issues)


def _target(path: str, query: dict[str, str]) -> str:
    return f"/v1/{path}?{urlencode(query)}"
