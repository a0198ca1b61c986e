"""An issue's facts in valid order, as known at K: an index keeps every text that ever named the issue in that order.

A text that is not known at K, or no longer the one that holds, is skipped: so a page costs what is on it, and
whatever of the index lies between.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.domain.rule.facts import Entry, weigh
from service.domain.rule.publication import as_published_by
from service.domain.vocabulary import instants
from service.domain.vocabulary.events import decode, text_of
from service.views.asof.question import fitting
from service.views.asof.weighing import apart, events_like

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.rule.facts import LiveFact
    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

SCAN_MAX = 20_000
"""Texts read for one page, at most; the rest is for the next page."""
CHUNK = 2_000
PART = 50
"""Facts whose texts are read at a time."""
CHAIN_EVENTS = 5_000
"""Events that are read at a time, at most, unless one fact has more."""
EVENTS_MAX = 20_000
"""Events, the records on the facts among them, that are read for one page; then it ends: 0.4 s of a core."""

Key = tuple[int, int, int, int]
"""A text's place: the bounds of its date, the positions of its fact and of the event that brought it."""
_FIRST: Key = (0, 0, 0, 0)
_PLACE = """
SELECT n.occurred_lo, n.occurred_hi, n.fact, n.position FROM issue_event n
WHERE n.issue = (SELECT i.number FROM item i WHERE i.slug = $1) AND n.position = $2 AND n.fact > 0
"""
_TEXTS = """
SELECT n.occurred_lo, n.occurred_hi, n.fact, n.position FROM issue_event n
WHERE n.issue = (SELECT i.number FROM item i WHERE i.slug = $1) AND n.fact > 0
  AND (n.occurred_lo, n.occurred_hi, n.fact, n.position) > ($2, $3, $4, $5)
ORDER BY n.occurred_lo, n.occurred_hi, n.fact, n.position LIMIT $6
"""
_CHAINS = """
SELECT e.position, e.position, e.recorded_at, e.body FROM event e WHERE e.position {among}
UNION ALL
SELECT r.fact, e.position, e.recorded_at, e.body FROM fact_record r JOIN event e ON e.position = r.position
WHERE r.fact {among} AND r.position <= $2
ORDER BY 1, 2 LIMIT $3
"""
_RECORDS = "SELECT r.fact, count(*) FROM fact_record r WHERE r.fact {among} AND r.position <= $2 GROUP BY r.fact"


class FactOnTimeline(NamedTuple):
    """A fact on the timeline: `text` is the position of the event whose text holds, `body` the fact's JSON."""

    text: int
    body: bytes


class TimelinePage(NamedTuple):
    """Facts in valid order; `next` is the text after which the next page begins, None at the end.

    It may be short before the end, where much lies between that is not known at K.
    """

    facts: list[FactOnTimeline]
    next: int | None


async def timeline_page(database: Database, basis: Basis, issue: str, *, after: int, limit: int) -> TimelinePage:
    """Return the live facts that name an issue, as known, after a text (0: from the first)."""
    key = await _place(database, issue, after)
    found: list[FactOnTimeline] = []
    scanned, size = 0, limit + limit // 8 + 8  # one text in twelve or so is corrected or retracted
    looked_at = 0
    while scanned < SCAN_MAX and looked_at < EVENTS_MAX:
        texts = [_key(row) for row in await database.fetch(_TEXTS, issue, *key, size)]
        counting = [text for text in texts if text[3] <= basis.position]
        place = 0
        while place < len(counting):
            rows, taken = await _chains(database, counting[place : place + PART], basis.position)
            found += await _holding(counting[place : place + taken], rows, basis)
            count = fitting([len(fact.body) for fact in found], limit)
            if count < len(found):
                return TimelinePage(found[:count], found[count - 1].text)
            place, looked_at = place + taken, looked_at + events_like([row[3] for row in rows])
            if looked_at >= EVENTS_MAX and place < len(counting):
                return TimelinePage(found, counting[place - 1][3])
        if len(texts) < size:
            return TimelinePage(found, None)
        key, scanned, size = texts[-1], scanned + size, CHUNK
    return TimelinePage(found, key[3])


async def _place(database: Database, issue: str, text: int) -> Key:
    rows = await database.fetch(_PLACE, issue, text) if text else ()
    return _key(rows[0]) if rows else _FIRST


def _key(row: Row) -> Key:
    return row[0], row[1], row[2], row[3]


async def _chains(database: Database, texts: Sequence[Key], until: int) -> tuple[Sequence[Row], int]:
    """Read the facts that some texts are of, and the records on these, up to a position.

    Return them with the number of the texts. Where they are more than CHAIN_EVENTS, they are those of the first texts.
    """
    dialect = database.dialect
    among = dialect.positions.format("$1")
    facts = dialect.numbered(_facts_of(texts))
    rows = await database.fetch(_CHAINS.format(among=among), facts, until, CHAIN_EVENTS + 1)
    if len(rows) <= CHAIN_EVENTS:
        return rows, len(texts)
    records: dict[int, int] = dict(await database.fetch(_RECORDS.format(among=among), facts, until))
    count = 1
    while sum([1 + records.get(fact, 0) for fact in _facts_of(texts[: count + 1])]) <= CHAIN_EVENTS:
        count += 1
    few = dialect.numbered(_facts_of(texts[:count]))
    return await database.fetch(_CHAINS.format(among=among), few, until, sum(records.values()) + len(texts)), count


def _facts_of(texts: Iterable[Key]) -> list[int]:
    return sorted({fact for _, _, fact, _ in texts})


async def _holding(texts: Sequence[Key], rows: Sequence[Row], basis: Basis) -> list[FactOnTimeline]:
    """Keep the texts that hold, by the rows of their facts: a fact has one, or none where it is retracted."""
    events = events_like([row[3] for row in rows]) // 3  # to weigh is a third of the work on an item
    known = await apart(events, _each_known, rows, basis.published)
    return [fact for _, _, root, text in texts if (fact := known[root]) is not None and fact.text == text]


def _each_known(rows: Sequence[Row], day: int | None) -> dict[int, FactOnTimeline | None]:
    """Return each fact as known, by its position."""
    return {fact: _known(list(chain), day) for fact, chain in groupby(rows, key=lambda row: row[0])}


def _known(chain: Sequence[Row], day: int | None) -> FactOnTimeline | None:
    """Return a fact as known: `chain` is its row, then those of the records on it; None where it is not known.

    With a day of publication, what was published by its end counts.
    """
    entries = [Entry(position, decode(body), 0, instants.day(at)) for _, position, at, body in chain]
    if day is not None:
        entries = as_published_by(entries, day)
    fact = weigh(entries) if entries else None
    if fact is None:
        return None
    text = next(entry.position for entry in entries if text_of(entry.event) is fact.event)
    return FactOnTimeline(text, _json(fact, chain[0][2], corrected=text != fact.position))


def _json(fact: LiveFact, recorded_at: int, *, corrected: bool) -> bytes:
    """Return a fact as the timeline shows it: its place in the log, what is known of it, then its text."""
    known: dict[str, Any] = {
        "position": fact.position,
        "recorded_at": instants.text(recorded_at),
        "kind": fact.change.kind,
        "modality": fact.event.modality,
        "contested": fact.contested,
        "corrected": corrected,
    }
    if fact.disagreements:
        known["disagreements"] = fact.disagreements
    text = msgspec.to_builtins(fact.event)
    return msgspec.json.encode({**known, **text, "reports": fact.reports})
