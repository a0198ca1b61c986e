"""From recorded events to the rows of the projections, event by event: every position of the log has its states."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from service.domain.rule import tokens
from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.rule.life import ended_from
from service.domain.rule.state import arrival_text, encode, state_of
from service.domain.rule.work import WEIGH_STEPS, state_steps
from service.domain.vocabulary.dates import FOREVER, parse
from service.domain.vocabulary.events import Fact, Record, text_of
from service.domain.vocabulary.kinds import CHANGES
from service.storage.database import Closing, Commit, Ending
from service.storage.tables import NO_STATE, OPEN_END, STATE_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from service.domain.rule.answer import Answer, Segment


class Recorded(NamedTuple):
    """An event as it is in the log; `recorded_at` in microseconds since 1970 UTC, `body` its JSON, and by whom."""

    position: int
    recorded_at: int
    event: Fact | Record
    body: bytes
    recorded_by: str = ""


class WorkCheck(Protocol):
    """The bounds of the work; each of its methods may refuse it with an error."""

    def allow(self, steps: int) -> None:
        """Check the steps done so far."""

    def check(self, item: Item, event: Fact | Record) -> None:
        """Check what an item has become by an event."""


class Projector:
    """Collects the rows of one commit. It changes the items it was given: after a failed commit throw them away."""

    def __init__(
        self, item_of: Callable[[str], Item | None], keep: Callable[[Item], None], bounds: WorkCheck | None = None
    ) -> None:
        """`item_of` returns the loaded item of a known name, None for a new one; `keep` takes a new item.

        `bounds` may refuse the work, with an error of its own.
        """
        self.commit = Commit()
        self.steps = 0
        """The steps of work done so far (service/domain/rule/work.py)."""
        self.position = 0
        """The position of the event that is being projected."""
        self._item_of, self._keep, self._bounds = item_of, keep, bounds
        self._versions: list[list[Any]] = []
        # By item and day: the versions of this commit that are open, and what closes those before it.
        self._open_rows: dict[tuple[int, int], list[list[Any]]] = {}
        self._closings: dict[tuple[int, int], Closing] = {}
        self._items: dict[int, list[Any]] = {}
        self._endings: dict[int, Ending] = {}
        self._facets: dict[tuple[str, int], None] = {}
        self._states = 0

    def project(self, batch: Sequence[Recorded]) -> None:
        """Add the rows of whole batches, in position order."""
        for recorded in batch:
            self._introduce(recorded)
        for recorded in batch:
            home = self._item(recorded.event.item or "")
            self.position = recorded.position
            self._apply(Entry(recorded.position, recorded.event, len(recorded.body)), home)
            self._index(recorded, home)

    def finish(self) -> Commit:
        """Return the collected rows."""
        self.commit.rows["item"] = [tuple(row) for row in self._items.values()]
        self.commit.rows["version"] = [tuple(row) for row in self._versions]
        self.commit.rows["facet"] = list(self._facets)
        self.commit.closings = list(self._closings.values())
        self.commit.endings = list(self._endings.values())
        return self.commit

    def _introduce(self, recorded: Recorded) -> None:
        """Begin the item that an event names for the first time; its number is the position."""
        text = text_of(recorded.event)
        if text is not None and self._item_of(text.item) is None:
            item = Item(recorded.position, text.item, CHANGES[text.type].kind)
            self._keep(item)
            self._items[item.number] = [item.number, item.slug, item.kind.name, FOREVER, OPEN_END]

    def _item(self, slug: str) -> Item:
        item = self._item_of(slug)
        assert item is not None  # noqa: S101 - decided, introduced or loaded before
        return item

    def _index(self, recorded: Recorded, home: Item) -> None:
        position, recorded_at, event, body, recorded_by = recorded
        assert event.id is not None and event.issues and event.item and event.occurred  # noqa: S101, PT018 - as decided
        rows = self.commit.rows
        rows["event"].append((position, event.id.bytes, recorded_at, body, recorded_by))
        when = parse(event.occurred)
        fact, text, found_by = self._text(recorded, home)
        every = tokens.joined([*_of_type(event.type), f"item:{event.item}", *found_by])
        rows["event_index"].append((position, when.lo, when.hi, every))
        if text is not None:
            self._facet(home if text.item == home.slug else self._item(text.item), found_by)
        for issue in event.issues:
            row = self._counted(issue, position)
            if text is None or issue not in text.issues:
                rows["issue_event"].append((*row, 0, 0, 0))
            else:
                when = parse(text.occurred)
                rows["issue_event"].append((*row, when.lo, when.hi, fact))

    def _counted(self, issue: str, position: int) -> tuple[int, int, int]:
        """Count an event for an issue that it names: the issue's number, the position, the issue's version then."""
        item = self._item(issue)
        item.version += 1
        return item.number, position, item.version

    def _text(self, recorded: Recorded, home: Item) -> tuple[int, Fact | None, tokens.Tokens]:
        """Return the position of an event's fact, the text that the event brings, and the tokens of that text."""
        position, event = recorded.position, recorded.event
        if isinstance(event, Fact):
            return position, event, tokens.tokens_of_fact(home.facts[position], event.issues)
        fact = home.roots[event.target]
        self.commit.rows["fact_record"].append((fact, position))
        text = text_of(event)
        return fact, text, tokens.tokens_of_text(text, event.issues or ())

    def _facet(self, item: Item, found_by: Iterable[str]) -> None:
        """Make an item a candidate for the tokens of a text; a state has no others, on whatever basis."""
        for token in found_by:
            if token not in item.tokens:
                self._facets[token, item.number] = None
                item.tokens.add(token)

    def _apply(self, entry: Entry, home: Item) -> None:
        event = entry.event
        root = home.add(entry)
        self._note(home, entry.position)
        if isinstance(event, Record):
            chain = home.chains[root]
            for slug in sorted({text.item for entry in chain if (text := text_of(entry.event))} - {home.slug}):
                self._follow(self._item(slug), chain, root)
        self._weigh(home, root, entry.position)

    def _follow(self, away: Item, chain: Sequence[Entry], root: int) -> None:
        """Add the whole chain to an item that a correction put the fact on."""
        seen = len(away.chains.get(root, ()))
        for entry in chain[seen:]:
            away.add(entry)
            self._note(away, entry.position)
        self._weigh(away, root, chain[-1].position)

    def _note(self, item: Item, position: int) -> None:
        self.commit.rows["item_event"].append((item.number, position))

    def _weigh(self, item: Item, root: int, position: int) -> None:
        """Weigh a fact again and write the item's versions that differ after it."""
        done = self.steps
        self._spend(WEIGH_STEPS * len(item.chains[root]))
        was_ended_from = ended_from(item.kind, item.segments)
        rewrites = item.reweigh(root, spend=self._spend)
        if self._bounds is not None:
            self._bounds.check(item, item.chains[root][-1].event)
        for start, before, after in rewrites:
            if after is None:
                self._close(item.number, start, position)
            else:
                self._open(item, after, position, before)
        day = ended_from(item.kind, item.segments)
        if day != was_ended_from:
            self._end(item.number, day, position)
        item.steps = self.steps - done

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self._bounds is not None:
            self._bounds.allow(self.steps)

    def _end(self, item: int, day: int, position: int) -> None:
        """Note the day from which an item has ended in every reading, as known from a position on."""
        known = OPEN_END if day == FOREVER else position
        if row := self._items.get(item):
            row[3:] = day, known
        else:
            self._endings[item] = Ending(item, day, known)

    def _close(self, item: int, start: int, position: int) -> None:
        """Close the versions of a day that are open, of this commit and of those before."""
        for row in self._open_rows.pop((item, start), ()):
            row[3] = position
        self._closings.setdefault((item, start), Closing(item, start, position))  # the first closes what was before

    def _open(self, item: Item, segment: Segment, position: int, before: Segment | None) -> None:
        """Write a segment's version; `before` is the segment that began on the same day."""
        day = item.number, segment.start
        arrival = arrival_text(segment)
        repeats = before is not None and arrival_text(before) == arrival
        if before is not None and before.arrival is not None and not repeats:
            self._close(*day, position)
        row = [*day, position, OPEN_END, self._state(item, segment.answer, position), "" if repeats else arrival]
        self._versions.append(row)
        self._open_rows.setdefault(day, []).append(row)

    def _state(self, item: Item, answer: Answer, position: int) -> int:
        """Write a state; return its number, `NO_STATE` for an item that has no status."""
        if answer.status is None:
            return NO_STATE
        marks = tokens.marks(item.kind, answer)
        if tokens.AGAINST_ALL in marks:
            self._facet(item, (tokens.AGAINST_ALL,))
        found_by = tokens.joined([*tokens.tokens_of_answer(answer), *marks])
        self._states = max(self._states + 1, position << STATE_BITS)
        body = encode(state_of(item.kind, item.slug, answer))
        self._spend(state_steps(len(body)))
        self.commit.rows["state"].append((self._states, answer.status, found_by, body))
        return self._states


@cache
def _of_type(name: str) -> tuple[str, str]:
    """Return the tokens of a type of event: its own, and that of every change of its kind."""
    return f"type:{name}", f"type:{name.partition('.')[0]}.*"
