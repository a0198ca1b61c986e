"""From recorded events to the rows of the projections, event by event: every position of the log has its view."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain import items, states
from service.domain.dates import FOREVER, OPEN, parse
from service.domain.events import Fact, Record, RecordCorrected
from service.domain.facts import Entry, Known, weigh
from service.domain.lifecycle import CHANGES, KINDS
from service.storage.database import Closing, Commit, Ending
from service.storage.models import OPEN_END, STATE_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from service.domain.items import Segment


class Recorded(NamedTuple):
    """An event as it stands in the log; `recorded_at` in microseconds since 1970 UTC, `body` its JSON."""

    position: int
    recorded_at: int
    event: Fact | Record
    body: bytes


class ItemView:
    """What is known of one item at the head: the chains of events that bear on it, and its life.

    `version` counts the events that name it, where it is an issue.
    """

    __slots__ = ("chains", "facts", "kind", "number", "roots", "segments", "slug", "tokens", "version")

    def __init__(self, number: int, slug: str, kind: str, *, version: int = 0) -> None:
        """Begin with nothing known."""
        self.number, self.slug, self.kind, self.version = number, slug, KINDS[kind], version
        self.chains: dict[int, list[Entry]] = {}
        self.roots: dict[UUID | None, int] = {}
        self.facts: dict[int, Known] = {}
        self.segments: list[Segment] = []
        self.tokens: set[str] = set()

    @classmethod
    def load(cls, number: int, slug: str, kind: str, version: int, entries: Iterable[Entry]) -> ItemView:
        """Make the view of an item from the events that bear on it, in position order."""
        view = cls(number, slug, kind, version=version)
        for entry in entries:
            view.add(entry)
        view.lay_out(view.chains)
        return view

    @property
    def size(self) -> int:
        """How many events the view holds."""
        return len(self.roots)

    def chain(self, event_id: UUID) -> list[Entry] | None:
        """Give the chain that an event is in: the fact, then the records on it."""
        root = self.roots.get(event_id)
        return None if root is None else self.chains[root]

    def has_opening(self) -> bool:
        """Tell whether an asserted opening is known and holds."""
        return any([fact.opens for fact in self.facts.values()])

    def add(self, entry: Entry) -> int:
        """Put an event into its chain; give the chain's root, a position."""
        event = entry.event
        root = entry.position if isinstance(event, Fact) else self.roots[event.target]
        self.chains.setdefault(root, []).append(entry)
        self.roots[event.id] = root
        return root

    def lay_out(self, chains: Mapping[int, Sequence[Entry]]) -> None:
        """Weigh chains, its own or parts of them, and lay out the life that follows; an empty one tells nothing."""
        weighed = {root: self._weigh(chain) for root, chain in chains.items() if chain}
        self.facts = {root: fact for root, fact in weighed.items() if fact is not None}
        self.segments = items.life(self.kind, self.facts.values())

    def _weigh(self, chain: Sequence[Entry]) -> Known | None:
        """Tell what is known of a fact; None where it is gone, or on another item."""
        fact = weigh(chain)
        return fact if fact is not None and fact.item == self.slug else None

    def settle(self, root: int) -> int | None:
        """Weigh a chain anew; give the first day on which the item's state may change, None when it cannot."""
        old = self.facts.pop(root, None)
        new = self._weigh(self.chains[root])
        if new is not None:
            self.facts[root] = new
        if self.kind.name == "issue" and (old or new):
            return OPEN
        return min([_first_day(fact) for fact in (old, new) if fact is not None], default=None)


def _first_day(fact: Known) -> int:
    """Give the first day on which a fact can matter; a planned one matters before it comes."""
    return OPEN if fact.event.modality == "planned" else min(fact.occ.lo, fact.eff.lo)


class Projector:
    """Collects the rows of one commit. It changes the views it was given: after a failed commit throw them away."""

    def __init__(self, view_of: Callable[[str], ItemView | None], keep: Callable[[ItemView], None]) -> None:
        """`view_of` gives the loaded view of a known item, None for a new name; `keep` takes the view of a new item."""
        self.commit = Commit()
        self._view_of, self._keep = view_of, keep
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
            home = self._view(recorded.event.item or "")
            self._apply(Entry(recorded.position, recorded.event), home)
            self._index(recorded, home)

    def finish(self) -> Commit:
        """Give the rows collected."""
        self.commit.rows["item"] = [tuple(row) for row in self._items.values()]
        self.commit.rows["version"] = [tuple(row) for row in self._versions]
        self.commit.rows["facet"] = list(self._facets)
        self.commit.closings = list(self._closings.values())
        self.commit.endings = list(self._endings.values())
        return self.commit

    def _introduce(self, recorded: Recorded) -> None:
        """Give a number to the item that an event names for the first time."""
        event = recorded.event
        text = event.event if isinstance(event, RecordCorrected) else event
        if isinstance(text, Fact) and self._view_of(text.item) is None:
            view = ItemView(recorded.position, text.item, CHANGES[text.type].kind)
            self._keep(view)
            self._items[view.number] = [view.number, view.slug, view.kind.name, FOREVER, OPEN_END]

    def _view(self, item: str) -> ItemView:
        view = self._view_of(item)
        assert view is not None  # noqa: S101 - decided, introduced or loaded before
        return view

    def _index(self, recorded: Recorded, home: ItemView) -> None:
        position, recorded_at, event, body = recorded
        assert event.id is not None and event.issues and event.item and event.occurred  # noqa: S101, PT018 - as decided
        rows = self.commit.rows
        rows["event"].append((position, event.id.bytes, recorded_at, body))
        when = parse(event.occurred)
        fact, text, found = self._text(recorded, home)
        tokens = [*_of_type(event.type), f"item:{event.item}", *found]
        rows["event_index"].append((position, when.lo, when.hi, states.joined(tokens)))
        if text is not None:
            self._facet(home if text.item == home.slug else self._view(text.item), found)
        for issue in event.issues:
            row = self._counted(issue, position)
            if text is None or issue not in text.issues:
                rows["issue_event"].append((*row, 0, 0, 0))
            else:
                when = parse(text.occurred)
                rows["issue_event"].append((*row, when.lo, when.hi, fact))

    def _counted(self, issue: str, position: int) -> tuple[int, int, int]:
        """Count an event for an issue that it names: the issue's number, the position, the issue's version then."""
        view = self._view(issue)
        view.version += 1
        return view.number, position, view.version

    def _text(self, recorded: Recorded, home: ItemView) -> tuple[int, Fact | None, states.Tokens]:
        """Give the position of the fact that an event is or acts on, the text that the event brings, and its tokens."""
        position, _, event, _ = recorded
        if isinstance(event, Fact):
            return position, event, states.tokens([home.facts[position]], event.issues)
        fact = home.roots[event.target]
        self.commit.rows["fact_record"].append((fact, position))
        text = event.event if isinstance(event, RecordCorrected) else None
        return fact, text, states.tokens_of_text(text, event.issues or ())

    def _facet(self, view: ItemView, found: Iterable[str]) -> None:
        """Let an item be found by what a text says of it; a state says nothing else, on whatever basis."""
        for token in found:
            if token not in view.tokens:
                self._facets[token, view.number] = None
                view.tokens.add(token)

    def _apply(self, entry: Entry, home: ItemView) -> None:
        event = entry.event
        root = home.add(entry)
        self._note(home, entry.position)
        if isinstance(event, Record):
            chain = home.chains[root]
            for item in {text.item for text in _texts(chain)} - {home.slug}:
                self._follow(self._view(item), chain, root)
        self._settle(home, root, entry.position)

    def _follow(self, away: ItemView, chain: Sequence[Entry], root: int) -> None:
        """Let an item that a correction put the fact on see the whole chain."""
        seen = len(away.chains.get(root, ()))
        for entry in chain[seen:]:
            away.add(entry)
            self._note(away, entry.position)
        self._settle(away, root, chain[-1].position)

    def _note(self, view: ItemView, position: int) -> None:
        self.commit.rows["item_event"].append((view.number, position))

    def _settle(self, view: ItemView, root: int, position: int) -> None:
        """Weigh a fact anew and write the item's versions that differ from then on."""
        since = view.settle(root)
        if since is None:
            return
        before = [segment for segment in view.segments if segment.start < since]
        after = items.life(view.kind, view.facts.values(), since, before)
        old = {segment.start: segment for segment in view.segments[len(before) :]}
        was_over, view.segments = states.over_from(view.kind, view.segments), after
        for segment in after[len(before) :]:
            former = old.pop(segment.start, None)
            if former != segment:
                self._open(view, segment, position, former)
        for start in old:
            self._close(view.number, start, position)
        over = states.over_from(view.kind, after)
        if over != was_over:
            self._end(view.number, over, position)

    def _end(self, item: int, over: int, position: int) -> None:
        """Note from which day on an item is over, as known from a position on."""
        known = OPEN_END if over == FOREVER else position
        if row := self._items.get(item):
            row[3:] = over, known
        else:
            self._endings[item] = Ending(item, over, known)

    def _close(self, item: int, start: int, position: int) -> None:
        """Close the versions of a day that are open, of this commit and of those before."""
        for row in self._open_rows.pop((item, start), ()):
            row[3] = position
        self._closings.setdefault((item, start), Closing(item, start, position))  # the first closes what was before

    def _open(self, view: ItemView, segment: Segment, position: int, former: Segment | None) -> None:
        """Write a segment's state and version; `former` is the segment that began on the same day."""
        merged = states.terms(segment.outcome.merged)
        state = states.state(view.kind, view.slug, segment, merged)
        found = states.tokens(segment.outcome.merged, state["issues"])
        marks = states.marks(view.kind, state)
        if states.AGAINST_ALL in marks:
            self._facet(view, (states.AGAINST_ALL,))
        tokens = states.joined([*found, *marks])
        self._states = max(self._states + 1, position << STATE_BITS)
        self.commit.rows["state"].append((self._states, state["status"], tokens, states.encode(state)))
        day = view.number, segment.start
        repeats = former is not None and former.arrivals == segment.arrivals
        if former is not None and former.arrivals and not repeats:
            self._close(*day, position)
        row = [*day, position, OPEN_END, self._states, "" if repeats else states.arrivals(segment)]
        self._versions.append(row)
        self._open_rows.setdefault(day, []).append(row)


@cache
def _of_type(name: str) -> tuple[str, str]:
    """Give the tokens of a type of event: its own, and that of every change of its kind."""
    return f"type:{name}", f"type:{name.partition('.')[0]}.*"


def _texts(chain: Iterable[Entry]) -> list[Fact]:
    """Give every text that a chain's fact ever had."""
    events = [entry.event for entry in chain]
    return [event.event if isinstance(event, RecordCorrected) else event for event in events
            if isinstance(event, RecordCorrected | Fact)]  # fmt: skip
