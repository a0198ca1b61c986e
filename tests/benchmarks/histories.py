"""Ledgers whose items have histories of one length, and what can be recorded and asked about them.

An item begins with an `imposed`; each day after it brings a fact. Of the sort `amended` each is a new rate. Of the sort
`mixed` they are in turn suspended with an end, reinstated, amended with a rate, and extended with an end. A ledger of
short histories has many items, so that what is recorded while it is measured lengthens none of them by much.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from service.append.bounds import FACTS_MAX
from service.domain.vocabulary.events import AnyEvent, Batch, Fact, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.append.ledger import Ledger

Json = dict[str, Any]

ITEMS = 100
"""Items of a ledger, where its histories are short."""
FACTS = 10_000
"""About so many facts a ledger has at most."""
ISSUE = "issue"
SORTS = ("amended", "mixed")
FIRST = date(1990, 1, 1)
FIRST_DAY = FIRST.toordinal()
BATCH = 1_000
TURN = 4
"""Changes that take turns in a mixed history."""
_DECODER: msgspec.json.Decoder[Fact | Record] = msgspec.json.Decoder(AnyEvent)


def day(number: int) -> str:
    """Return the day that is so many days after the first."""
    return (FIRST + timedelta(number)).isoformat()


class Histories:
    """The items of one ledger, each with so many facts; events are made on demand, in the order of their days."""

    def __init__(self, sort: str, length: int, written: int) -> None:
        """`written` is how many facts are recorded later, in all: no item may become too long by them."""
        self.sort, self.length, self._made = sort, length, 0
        self.items = [f"ban-{number}" for number in range(max(1, min(ITEMS, FACTS // length)))]
        self.facts = min(length, FACTS_MAX - written)
        """Facts of each item when the ledger is filled."""
        self._last = dict.fromkeys(self.items, self.facts - 1)
        self._early = dict.fromkeys(self.items, 0)
        self._targets: dict[str, list[Json]] = {item: [] for item in self.items}
        self._openings: dict[str, Json] = {}

    def item(self, number: int) -> str:
        """Return the items in turn."""
        return self.items[number % len(self.items)]

    def last(self, item: str) -> int:
        """Return the number of an item's last day."""
        return self._last[item]

    def answers(self, item: str) -> int:
        """Return how many answers an item has as known now: about one a fact."""
        return self._last[item] + 1

    def events(self) -> Iterator[Json]:
        """Make the issue and every item's facts, day by day."""
        terms = {"title": "An issue", "summary": "It is one.", "parties": ["CN", "US"]}
        yield self._event("issue.opened", ISSUE, 0, **terms)
        for number in range(self.facts):
            for item in self.items:
                made = self._fact(item, number)
                if number == 0:
                    self._openings[item] = made
                elif number % TURN == 1:
                    self._targets[item].append(made)
                yield made

    def on_time(self, item: str) -> Json:
        """Make a fact of the day after all others."""
        self._last[item] += 1
        return self._fact(item, self._last[item])

    def late(self, item: str) -> Json:
        """Make a fact of one of the first days, which holds for that day alone: it changes one interval."""
        self._early[item] += TURN
        number = self._early[item] - TURN + 1
        return self._fact(item, number, other=True)

    def correction(self, item: str, number: int) -> Json:
        """Correct a fact that rules for a day, of those after the middle."""
        targets = self._targets[item]
        target = targets[(len(targets) // 2 + number) % len(targets)]
        changed = {"until": day(50_000 + number)} if "until" in target else {"rate_percent": 100 + number}
        return self._correction(target, changed)

    def correction_of_all(self, item: str, number: int) -> Json:
        """Correct the opening, so that every answer is another one."""
        return self._correction(self._openings[item], {"against": ["US", "JP", "VN", "IN"][: 1 + number % 4]})

    def _correction(self, target: Json, changed: Json) -> Json:
        text = {name: value for name, value in target.items() if name != "id"} | changed
        return {"id": self._id(), "type": "record.corrected", "target": target["id"], "event": text}

    def _fact(self, item: str, number: int, *, other: bool = False) -> Json:
        if number == 0:
            terms = {"imposed_by": "CN", "against": ["US"], "instrument": "quota", "goods": [{"name": "terbium"}]}
            return self._event("restriction.imposed", item, 0, **terms)
        turn = number % TURN if self.sort == "mixed" else 3
        if turn == 1:
            return self._event("restriction.suspended", item, number, until=day(number + (12 if other else 10)))
        if turn == 2:
            return self._event("restriction.reinstated", item, number)
        if turn == 3:
            return self._event("restriction.amended", item, number, rate_percent=number % 90 + (0.5 if other else 0))
        return self._event("restriction.extended", item, number, until=day(number + 20))

    def _event(self, kind: str, item: str, number: int, **terms: Any) -> Json:  # noqa: ANN401 - the terms of any change
        reports = [{"outlet": "Ministry of Commerce", "url": f"https://example.org/notices/{number}"}]
        head = {"id": self._id(), "type": kind, "issues": [ISSUE], "item": item, "occurred": day(number)}
        return head | terms | {"reports": reports}

    def _id(self) -> str:
        self._made += 1
        return str(UUID(int=(self._made << 80) | (7 << 76) | (2 << 62)))


def body(*events: Json) -> bytes:
    """Return a batch as it is posted."""
    return msgspec.json.encode({"events": events})


async def fill(ledger: Ledger, histories: Histories) -> None:
    """Append it all in batches."""
    batch: list[Fact | Record] = []
    for event in histories.events():
        batch.append(_DECODER.decode(msgspec.json.encode(event)))
        if len(batch) == BATCH:
            await ledger.append(Batch(events=tuple(batch)))
            batch = []
    if batch:
        await ledger.append(Batch(events=tuple(batch)))
