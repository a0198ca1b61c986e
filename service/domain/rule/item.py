"""One item: the events that bear on it, what is known of its facts, and its life. The pure door to the rule.

    Item.of(events).state(day)

is the state that these events give on a day, without a database.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.decisions import Decisions
from service.domain.rule.facts import Entry, LiveFact, reports_in, shown, weigh, weigh_steps
from service.domain.rule.life import Life
from service.domain.rule.ordered import by_order
from service.domain.rule.publication import days, only_day
from service.domain.rule.reach import reaches
from service.domain.rule.read_state import coming_of, facts_in, with_coming, with_facts
from service.domain.rule.scope import Scope
from service.domain.rule.state import arrival_text, encode, state_of
from service.domain.rule.tokens import marks, tokens_of_answer
from service.domain.rule.unsaid import Unsaid
from service.domain.rule.walk import Walk
from service.domain.rule.work import Spend, unbounded
from service.domain.vocabulary.events import Fact, Record, is_uncertain, text_of
from service.domain.vocabulary.kinds import CHANGES, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from service.domain.rule.answer import Rewrite, Segment
    from service.domain.rule.scope import ScopeTokens


EVENT_MEMORY = 3_000
"""Bytes in memory of an event without its texts, with the objects made of it."""


class StateOnDay(NamedTuple):
    """The state of an item on a day: its status, its JSON, and what it is found by."""

    status: str
    body: bytes
    tokens: frozenset[str]


class Item:
    """One item as it is known: the chains of events that bear on it, its live facts by position, its life.

    A chain is a fact, then the records on it, in position order; it is known by the position of its fact, its root.
    `number` is the position of the first event that names the item. `version` counts the events that name it, if it is
    an issue. `tokens` are those that are known to be in the table of candidates; none at first. `bytes` is the size of
    the JSON of all events that bear on it, `reports` how many reports they have. `uncertain` are the roots of the facts
    that have, or once had, a text with an uncertain date, `reaching` of those with one that many days look at; `issues`
    are what the texts name. `steps` is the work of its last change (service/domain/rule/work.py). `published` is the
    last day of publication of what bears on it, an ordinal; None where its events are not in the order of their days of
    publication, or one of them has several. `latest` is the last day on which a part of them begins to count. `scope`
    is what its states touch, `unsaid` what they may leave unsaid, None until they are needed.
    """

    __slots__ = (
        "bytes", "chains", "facts", "issues", "kind", "latest", "life", "number", "published", "reaching",
        "reports", "roots", "scope", "slug", "steps",
        "tokens", "uncertain", "unsaid", "version",
    )  # fmt: skip

    def __init__(self, number: int, slug: str, kind: str, *, version: int = 0) -> None:
        """Begin with nothing known."""
        self.number, self.slug, self.kind, self.version = number, slug, KINDS[kind], version
        self.chains: dict[int, list[Entry]] = {}
        self.roots: dict[UUID | None, int] = {}
        self.facts: dict[int, LiveFact] = {}
        self.life = Life(self.kind)
        self.tokens: set[str] = set()
        self.uncertain: set[int] = set()
        self.reaching: set[int] = set()
        self.issues: set[str] = set()
        self.bytes = self.reports = self.steps = 0
        self.published: int | None = 0
        self.latest = 0
        self.scope: Scope | None = None
        self.unsaid: Unsaid | None = None

    @classmethod
    def of(cls, events: Iterable[Fact | Record], slug: str | None = None) -> Item:
        """Return the item that some events are about, recorded in this order from position 1 on.

        The first event is a fact. Without a slug, the item is that fact's. Events on other items, and the records on
        them, are left out.
        """
        entries = [Entry(position, event) for position, event in enumerate(events, 1)]
        slug = slug or entries[0].event.item or ""
        bearing = _bearing_on(slug, entries)
        first = next(entry for entry in bearing if (text := text_of(entry.event)) and text.item == slug)
        return cls.load(first.position, slug, _kind_of(first.event), 0, bearing)

    @classmethod
    def load(cls, number: int, slug: str, kind: str, version: int, entries: Iterable[Entry]) -> Item:
        """Return an item from the events that bear on it, in position order."""
        item = cls(number, slug, kind, version=version)
        for entry in entries:
            item.add(entry)
        item.know(item.chains)
        return item

    @property
    def size(self) -> int:
        """Return how many events bear on it."""
        return len(self.roots)

    @property
    def pairs(self) -> int:
        """Return how many pairs there are of a fact and what each answer looks at, whatever rules on its day.

        With an uncertain date each answer looks at every fact.
        """
        looked_at = len(self.chains) if self.uncertain else len(self.reaching)
        return len(self.chains) * (looked_at + len(self.issues))

    @property
    def memory(self) -> int:
        """Return about how many bytes it takes in memory."""
        return EVENT_MEMORY * len(self.roots) + 2 * self.bytes

    def chain(self, event_id: UUID) -> list[Entry] | None:
        """Return the chain that an event is in; None for an event that does not bear on the item."""
        root = self.roots.get(event_id)
        return None if root is None else self.chains[root]

    def has_opening(self) -> bool:
        """Return whether an asserted opening is known and holds."""
        return any(fact.change.opens and fact.event.modality == "asserted" for fact in self.facts.values())

    def touched(self) -> ScopeTokens:
        """Return what the states touch; from then on each change of them is counted."""
        if self.scope is None:
            self.scope = Scope(self.kind, self.segments)
        return self.scope.touched()

    def possible(self) -> tuple[str, ...]:
        """Return the marks and the pairs by which its states may be found, whatever part of its events is known."""
        if self.unsaid is None:
            self.unsaid = Unsaid(self.slug, self.kind, self.number, self.chains)
        return self.unsaid.found_by()

    @property
    def segments(self) -> Sequence[Segment]:
        """Return the item's segments in order of days."""
        return self.life.segments

    def state(self, day: int) -> StateOnDay | None:
        """Return the state on a day (an ordinal); None when the item has no status then."""
        begun = bisect_right(self.segments, day, key=_start)
        if not begun:
            return None
        state = self.state_of_segment(begun - 1)
        if state is None:
            return None
        later = [text for segment in self.segments[begun:] if (text := arrival_text(segment))]
        return state._replace(body=with_coming(state.body, coming_of(state.status, ",".join(later))))

    def with_list(self, body: bytes, day: int) -> bytes:
        """Return a state on a day with every fact of the list (docs/semantics.md, 3), also those it does not rest on.

        `body` is the state. Only the facts have to be known for this, not the life.
        """
        counting = [fact for fact in self.facts.values() if fact.counts]
        listed = {fact.position for fact in Walk(Decisions(self.kind, counting), day).listed()}
        kept = facts_in(body)
        facts = [fact for fact in self.facts.values() if fact.position in listed or fact.id in kept]
        return with_facts(body, [kept.get(fact.id) or shown(fact, ()) for fact in sorted(facts, key=by_order)])

    def state_of_segment(self, index: int) -> StateOnDay | None:
        """Return the state on the days of a segment, by its index, without what is to come; None without a status."""
        answer = self.segments[index].answer
        if answer.status is None:
            return None
        body = encode(state_of(self.kind, self.slug, answer))
        return StateOnDay(answer.status, body, frozenset([*tokens_of_answer(answer), *marks(self.kind, answer)]))

    def add(self, entry: Entry) -> int:
        """Put an event into its chain, without weighing it; return the chain's root."""
        event = entry.event
        root = entry.position if isinstance(event, Fact) else self.roots[event.target]
        self.chains.setdefault(root, []).append(entry)
        self.roots[event.id] = root
        self._publish(root)
        if self.unsaid is not None:
            self.unsaid.take(self.chains[root][0], entry)
        self.bytes += entry.size
        self.reports += reports_in(event)
        text = text_of(event)
        if isinstance(text, Fact):
            self.issues.update(text.issues)
            if is_uncertain(text):
                self.uncertain.add(root)
            if reaches(text):
                self.reaching.add(root)
        return root

    def _publish(self, root: int) -> None:
        """Take the day of publication of the event that was added to a chain."""
        chain = self.chains[root]
        if self.published is not None:
            fact = chain[0].event
            day = only_day(chain) if isinstance(fact, Fact) and fact.item == self.slug else None
            if day is not None and day >= self.published:
                self.published = self.latest = day
                return
            self.published = None
        self.latest = max(self.latest, *days(chain[-1]))

    def know(self, chains: Mapping[int, Sequence[Entry]]) -> None:
        """Know these chains and nothing else: weigh each, and work out the life that follows.

        They are the item's own, or parts of them as known earlier; an empty chain is a fact not known then.
        """
        self.weigh(chains)
        steps: list[int] = []
        self.life = Life(self.kind, self.facts.values(), steps.append)
        self.steps += sum(steps)

    def weigh(self, chains: Mapping[int, Sequence[Entry]]) -> None:
        """Know the facts of these chains, as `know` does, and leave the life as it is."""
        weighed = {root: self._weigh(chain) for root, chain in chains.items() if chain}
        self.facts = {root: fact for root, fact in weighed.items() if fact is not None}
        self.scope = None
        self.steps = sum([weigh_steps(chain) for chain in chains.values()])

    def learn(self, chains: Mapping[int, Sequence[Entry]], spend: Spend = unbounded) -> dict[int, Segment | None]:
        """Know these chains as they are given, the others as before, and work out what follows for the life.

        Return the segments that change by their first days, None where none begins any more. `spend` is as for
        `reweigh`.
        """
        changed: dict[int, Segment | None] = {}
        for root, chain in chains.items():
            changed |= {start: after for start, _, after in self.reweigh(root, chain, spend)}
        return changed

    def reweigh(self, root: int, chain: Sequence[Entry] | None = None, spend: Spend = unbounded) -> list[Rewrite]:
        """Weigh one chain again, or a part of it (a fact not known then: none); return the segments that change.

        `spend` takes the steps of the work, and may refuse them: the item is of no use then.
        """
        old = self.facts.pop(root, None)
        chain = self.chains[root] if chain is None else chain
        spend(weigh_steps(chain))
        new = self._weigh(chain) if chain else None
        if new is not None:
            self.facts[root] = new
        rewrites = self.life.change(old, new, spend)
        if self.scope is not None:
            self.scope.change(rewrites)
        return rewrites

    def _weigh(self, chain: Sequence[Entry]) -> LiveFact | None:
        """Return the live fact of a chain; None where it is retracted, or a correction has put it on another item."""
        fact = weigh(chain)
        return fact if fact is not None and fact.item == self.slug else None


def _bearing_on(slug: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return the chains in which some text names an item, in position order."""
    chains: dict[UUID | None, list[Entry]] = {}
    for entry in entries:
        event = entry.event
        chain = chains[event.target] if isinstance(event, Record) else []
        chain.append(entry)
        chains[event.id] = chain
    texts = {id(chain): [text_of(entry.event) for entry in chain] for chain in chains.values()}
    bearing = [chain for chain in chains.values() if any(text and text.item == slug for text in texts[id(chain)])]
    return sorted({entry.position: entry for chain in bearing for entry in chain}.values(), key=_position)


_position = attrgetter("position")
_start = attrgetter("start")


def _kind_of(event: Fact | Record) -> str:
    text = text_of(event)
    assert text is not None  # noqa: S101 - the first event of an item brings a text
    return CHANGES[text.type].kind
