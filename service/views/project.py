"""From recorded events to the rows of the projections, event by event: every position of the log has its states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain.rule import tokens
from service.domain.rule.facts import Entry, reports_in, text_before
from service.domain.rule.item import Item
from service.domain.rule.life import ended_from
from service.domain.rule.posture import BEARING_KINDS
from service.domain.rule.scope import ScopeTokens, followed, of_texts
from service.domain.rule.state import arrival_text, encode, state_of
from service.domain.rule.tally import Days, Shift, Tally, shifts
from service.domain.rule.work import FACET_STEPS, TALLY_STEPS, TOKEN_STEPS, event_steps, state_steps
from service.domain.vocabulary import instants
from service.domain.vocabulary.dates import FOREVER, parse
from service.domain.vocabulary.events import Fact, Record, text_of
from service.domain.vocabulary.kinds import CHANGES
from service.domain.vocabulary.values import mypyc_attr
from service.storage.database import Commit, Ending
from service.storage.layout import NO_STATE, OPEN_END, STATE_BITS
from service.views.dated_rows import DatedRows
from service.views.posture_rows import published, turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.rule.answer import Answer, Rewrite, Segment
    from service.views.given import Loaded, WorkCheck


class Recorded(NamedTuple):
    """An event as it is in the log; `recorded_at` in microseconds since 1970 UTC, `body` its JSON, and by whom."""

    position: int
    recorded_at: int
    event: Fact | Record
    body: bytes
    recorded_by: str = ""


@mypyc_attr(allow_interpreted_subclasses=True)  # the rebuild has one
class Projector:
    """Collects the rows of one commit; after a failed one throw its items away, and undo what it did to tallies."""

    def __init__(self, loaded: Loaded, bounds: WorkCheck | None = None) -> None:
        """`bounds` may refuse the work, with an error of its own."""
        self.commit = Commit()
        self.steps = 0
        """The steps of work done so far (service/domain/rule/work.py)."""
        self.position = 0
        """The position of the event that is being projected."""
        self._loaded, self._bounds, self._states = loaded, bounds, 0
        self._versions, self._postures = DatedRows(OPEN_END, FOREVER), DatedRows(OPEN_END)
        self._shifted: dict[str, dict[tuple[int, int], int]] = {}
        self._days: dict[str, Days] = {}
        self._changed: list[tuple[Tally, Sequence[Shift], int]] = []
        self._items: dict[int, list[Any]] = {}
        self._endings: dict[int, Ending] = {}
        self._facets: dict[tuple[str, int], int] = {}
        self._touched: dict[str, list[ScopeTokens]] = {}  # by item: before and after the event that is being projected

    def project(self, batch: Sequence[Recorded]) -> None:
        """Add the rows of whole batches, in position order."""
        self._spend(sum([event_steps(len(recorded.body), reports_in(recorded.event)) for recorded in batch]))
        for recorded in batch:
            self._introduce(recorded)
        for recorded in batch:
            home = self._item(recorded.event.item or "")
            self.position = recorded.position
            recorded_on = instants.day(recorded.recorded_at)
            self._touched = {}
            self._apply(Entry(recorded.position, recorded.event, len(recorded.body), recorded_on), home)
            if self._days:
                self._shift(recorded.position)
            self._index(recorded, home)

    def undo(self) -> None:
        """Undo what was done to the tallies, all at once for each; the items have to be thrown away."""
        undone: dict[Tally, dict[tuple[int, int], int]] = {}
        while self._changed:
            tally, shifted, published_by = self._changed.pop()
            tally.published = published_by
            of_tally = undone.setdefault(tally, {})
            for bearing, day, more in shifted:
                of_tally[bearing, day] = of_tally.get((bearing, day), 0) - more
        for tally, of_tally in undone.items():
            tally.add([Shift(*place, more) for place, more in of_tally.items() if more])

    def finish(self) -> Commit:
        """Return the collected rows."""
        self.commit.rows["item"] = [tuple(row) for row in self._items.values()]
        self.commit.rows["version"], self.commit.closings = self._versions.rows, self._versions.closings
        self.commit.rows["posture"], self.commit.posture_closings = self._postures.rows, self._postures.closings
        self.commit.rows["facet"] = [(*found_by, position) for found_by, position in self._facets.items()]
        self.commit.endings = list(self._endings.values())
        return self.commit

    def _introduce(self, recorded: Recorded) -> None:
        """Begin the item that an event names for the first time; its number is the position."""
        text = text_of(recorded.event)
        if text is not None and self._loaded.get(text.item) is None:
            item = Item(recorded.position, text.item, CHANGES[text.type].kind)
            self._loaded.keep(item)
            self._items[item.number] = [item.number, item.slug, item.kind.name, FOREVER, OPEN_END, FOREVER]

    def _item(self, slug: str) -> Item:
        item = self._loaded.get(slug)
        assert item is not None  # noqa: S101 - decided, introduced or loaded before
        return item

    def _index(self, recorded: Recorded, home: Item) -> None:
        position, recorded_at, event, body, recorded_by = recorded
        assert event.id is not None and event.issues and event.item and event.occurred  # noqa: S101, PT018 - as decided
        rows = self.commit.rows
        rows["event"].append((position, event.id.bytes, recorded_at, body, recorded_by))
        when = parse(event.occurred)
        fact, text, found_by = self._text(recorded, home)
        acts_on = text_before(home.chains[fact]) if isinstance(event, Record) else None
        every = tokens.joined(self._followed_by(event, home, found_by, acts_on))
        target, size = (0, 0) if acts_on is None else (acts_on.position, acts_on.size)
        rows["event_index"].append((position, when.lo, when.hi, every, target, len(body) + size))
        if text is not None:
            self._facet(home if text.item == home.slug else self._item(text.item), found_by)
        for slug in self._touched:
            self._leave_unsaid(self._item(slug))
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

    def _followed_by(
        self, event: Fact | Record, home: Item, found_by: tokens.Tokens, acts_on: Entry | None
    ) -> list[str]:
        """List the tokens that an event is found by, in order."""
        texts = [text for each in (event, acts_on and acts_on.event) if each and (text := text_of(each))]
        kinds = {home.slug: home.kind.name, **{text.item: self._item(text.item).kind.name for text in texts}}
        touched = [each for slug in kinds for each in self._touched.get(slug, ())]
        others = [] if acts_on is None else tokens.tokens_of_text(text_of(acts_on.event), ())
        self._spend(TOKEN_STEPS * (len(found_by) + len(others) + sum([len(each.every) for each in touched[1:]])))
        return sorted({*of_texts(event.type, texts, kinds), *followed(found_by, others, touched)})

    def _facet(self, item: Item, found_by: Iterable[str]) -> None:
        """Make an item a candidate for the tokens of a text, from here on; a state has no others, on whatever basis."""
        new = [token for token in found_by if token not in item.tokens]
        self._spend(FACET_STEPS * len(new))
        for token in new:
            self._facets[token, item.number] = self.position
            item.tokens.add(token)

    def _leave_unsaid(self, item: Item) -> None:
        """Make an item that is out of order a candidate for the marks and the pairs that a state may have then."""
        if item.published is None:
            found_by = item.possible()
            self._spend(len(found_by))
            self._facet(item, found_by)

    def _apply(self, entry: Entry, home: Item) -> None:
        event = entry.event
        root = self._add(home, entry, entry.position)
        if isinstance(event, Record):
            chain = home.chains[root]
            for slug in sorted({text.item for entry in chain if (text := text_of(entry.event))} - {home.slug}):
                self._follow(self._item(slug), chain, root)
        self._weigh(home, root, entry.position)

    def _follow(self, away: Item, chain: Sequence[Entry], root: int) -> None:
        """Add the whole chain to an item that a correction put the fact on."""
        seen = len(away.chains.get(root, ()))
        for entry in chain[seen:]:
            self._add(away, entry, chain[-1].position)
        self._weigh(away, root, chain[-1].position)

    def _add(self, item: Item, entry: Entry, position: int) -> int:
        """Put an event into its chain of an item, as known from a position on; return the chain's root."""
        was_in_order = item.published is not None
        root = item.add(entry)
        self.commit.rows["item_event"].append((item.number, entry.position))
        if was_in_order and item.published is None:
            self.commit.rows["out_of_order"].append((item.number, position))
        return root

    def _weigh(self, item: Item, root: int, position: int) -> None:
        """Weigh a fact again and write the item's versions that differ after it."""
        done = self.steps
        was_ended_from = ended_from(item.kind, item.segments)
        (touched := self._touched.setdefault(item.slug, [])).append(item.touched())
        rewrites = item.reweigh(root, spend=self._spend)
        if (now := item.touched()) is not touched[-1]:
            touched.append(now)
        if self._bounds is not None:
            self._bounds.check(item, item.chains[root][-1].event)
        for start, before, after in rewrites:
            if after is None:
                self._versions.close(item.number, start, position, _published_on(item))
            else:
                self._open(item, after, position, before)
        self._bear(item, rewrites)
        day = ended_from(item.kind, item.segments)
        if day != was_ended_from:
            self._end(item, day, position)
        item.steps = self.steps - done

    def _bear(self, item: Item, rewrites: Sequence[Rewrite]) -> None:
        """Add up what an event shifts in the tallies of issues, and when it is out: it may bear on several items.

        Once an item is out of order, each of its events matters, and an earlier day than any may have another status.
        """
        if item.kind.name not in BEARING_KINDS:
            return
        shifted = shifts(item.kind.name, rewrites, item.segments)
        for issue, of_issue in shifted.items():
            found = self._shifted.setdefault(issue, {})
            for place, more in of_issue.items():
                found[place] = found.get(place, 0) + more
        earliest, latest = (0 if item.published is None else item.published), item.latest
        for issue in item.issues if item.published is None else shifted:
            others = self._days.get(issue, (earliest, latest))
            self._days[issue] = Days(min(earliest, others[0]), max(latest, others[1]))

    def _shift(self, position: int) -> None:
        """Write what an event shifts in the tallies of issues, and when it was published."""
        for issue, days in self._days.items():
            found = [Shift(*place, more) for place, more in sorted(self._shifted.get(issue, {}).items()) if more]
            number = self._tallied(issue, found, days, position)
            self.commit.rows["bearing"] += [(number, position, *shift, days.latest) for shift in found]
        self._shifted, self._days = {}, {}

    def _tallied(self, issue: str, shifted: Sequence[Shift], days: Days, position: int) -> int:
        """Shift the tally of an issue, write its postures that change and its day; return the issue's number."""
        self._spend(TALLY_STEPS)
        tally = self._loaded.tally(issue)
        self._changed.append((tally, shifted, tally.published))
        turn(tally, shifted, position, self._postures)
        self.commit.rows["issue_published"] += published(tally, days, position)
        return tally.number

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self._bounds is not None:
            self._bounds.allow(self.steps)

    def _end(self, item: Item, day: int, position: int) -> None:
        """Note the day from which an item has ended in every reading, as known from a position on."""
        known = (OPEN_END, FOREVER) if day == FOREVER else (position, _published_on(item))
        if row := self._items.get(item.number):
            row[3:] = day, *known
        else:
            self._endings[item.number] = Ending(item.number, day, *known)

    def _open(self, item: Item, segment: Segment, position: int, before: Segment | None) -> None:
        """Write a segment's version; `before` is the segment that began on the same day."""
        day = item.number, segment.start
        arrival = arrival_text(segment)
        repeats = before is not None and arrival_text(before) == arrival
        if before is not None and before.arrival is not None and not repeats:
            self._versions.close(*day, position, _published_on(item))
        state = self._state(item, segment.answer, position)
        self._versions.open(*day, position, _published_on(item), state, "" if repeats else arrival)

    def _state(self, item: Item, answer: Answer, position: int) -> int:
        """Write a state; return its number, `NO_STATE` for an item that has no status."""
        if answer.status is None:
            return NO_STATE
        found_by = tokens.found_by(item.kind, answer)
        self._facet(item, found_by.facets)
        self._states = max(self._states + 1, position << STATE_BITS)
        body = encode(state_of(item.kind, item.slug, answer))
        self._spend(state_steps(len(body)))
        self.commit.rows["state"].append((self._states, answer.status, found_by.stored, body))
        return self._states


def _published_on(item: Item) -> int:
    """Return the day of publication of what is known of an item now; FOREVER where it is out of order."""
    return FOREVER if item.published is None else item.published
