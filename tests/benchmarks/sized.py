"""Ledgers of so many events: issues that are alike at every size, and a hot one with a tenth of all events.

A normal issue has 100 items with eight or ten facts each, 55 of which stay open: a thousand issues make a million
events. One event in fifty is a correction. Items take turns, so that each issue grows over a good part of the log.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from service.domain.vocabulary.events import AnyEvent, Batch
from tests.benchmarks.workload import LIFE, Workload, event_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.append.ledger import Ledger
    from service.domain.vocabulary.events import Fact, Record
    from tests.benchmarks.workload import Body, Item

HOT = "issue-hot"
ITEMS = 100
OPEN = 55
"""Of the items of an issue, those that nobody ends."""
OPEN_FACTS = LIFE - 2
ISSUE_EVENTS = 900
"""About so many events a normal issue has."""
CORRECTED = 50
"""One fact in so many is corrected at once."""
BATCH = 500
BATCHES_AHEAD = 3
_DECODER: msgspec.json.Decoder[Fact | Record] = msgspec.json.Decoder(AnyEvent)


class Sized(Workload):
    """Makes so many events, one after the other, the same for the same size."""

    def __init__(self, size: int) -> None:
        """Nothing is made yet."""
        self._start(size)
        self.size = size
        self.issues = [f"issue-{number:04}" for number in range(max(1, round(0.9 * size / ISSUE_EVENTS)))]
        self.live: list[Item] = []
        """Items that were left open: they can be changed on."""

    def events(self) -> Iterator[bytes]:
        """Make the events' JSON: the openings of the issues, then items by turns."""
        made = 0
        for issue in (*self.issues, HOT):
            yield event_json(self._body(self._issue(issue), issue, opens=True).json)
            made += 1
        pool: list[tuple[Item, int]] = []
        waiting = self._waiting()
        while made < self.size:
            while len(pool) < max(20, min(5_000, self.size // 50)):
                issue, facts = next(waiting)
                pool.append((self._item(issues=[issue]), facts))
            place = self._draw.randrange(len(pool))
            item, facts = pool[place]
            body = self._next(item)
            yield event_json(body.json)
            made += 1
            if made < self.size and self._draw.randrange(CORRECTED) == 0:
                yield event_json(self.correction(body).json)
                made += 1
            if item.facts == facts:
                if facts == OPEN_FACTS:
                    self.live.append(item)
                pool[place] = pool[-1]
                pool.pop()

    def on_time(self, item: Item) -> Body:
        """Make a fact later than all others of an item."""
        item.day += timedelta(1)
        return self._change(item, item.day)

    def late(self, item: Item) -> Body:
        """Make a fact that comes in the middle of what is known of an item."""
        return self._change(item, item.day - timedelta(60 + self._draw.randrange(60)))

    def correction(self, body: Body) -> Body:
        """Correct the date of a fact by three days."""
        text = msgspec.json.decode(event_json(body.json))
        day = date.fromisoformat(f"{text['occurred'].strip('[').partition('..')[0]}-01"[:10])
        new = text | {"occurred": (day - timedelta(3)).isoformat()}
        record = {"type": "record.corrected", "target": text["id"], "event": new}
        return self._body(record, body.item, opens=False)

    def _waiting(self) -> Iterator[tuple[str, int]]:
        """Return the issue and the number of facts of each item, in random order; the hot issue's without end."""
        facts = [OPEN_FACTS] * OPEN + [LIFE] * (ITEMS - OPEN)
        normal = [(issue, count) for issue in self.issues for count in facts]
        hot = [(HOT, self._draw.choice(facts)) for _ in range(round(len(normal) / 9))]
        everything = normal + hot
        self._draw.shuffle(everything)
        yield from everything
        while True:
            yield HOT, OPEN_FACTS


async def fill(ledger: Ledger, sized: Sized) -> None:
    """Append it all, as a client would: batches of five hundred, some of them on their way at a time.

    A thousand with many uncertain dates may be more work than a request may take.
    """
    under_way: list[asyncio.Task[object]] = []
    batch: list[Fact | Record] = []

    async def send() -> None:
        if len(under_way) == BATCHES_AHEAD:
            await under_way.pop(0)
        under_way.append(asyncio.create_task(ledger.append(Batch(events=tuple(batch)))))
        await asyncio.sleep(0)

    for event in sized.events():
        batch.append(_DECODER.decode(event))
        if len(batch) == BATCH:
            await send()
            batch = []
    if batch:
        await send()
    await asyncio.gather(*under_way)
