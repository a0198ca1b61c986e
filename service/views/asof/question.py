"""A question as of (D, K) and its answers: the types that both engines share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.domain.matching.clauses import Clause
    from service.domain.matching.partners import Partners, Side
    from service.domain.rule.posture import ItemStatus, Posture


Mode = Literal["position", "instant", "head", "newest"]
"""How K is given. `newest`: this position if it is still the head, else no rows; the caller asks again by position."""


class Question(NamedTuple):
    """D and K as they are asked: a day (an ordinal), and a position or an instant of recording; neither: the head.

    With `published`, a day of publication (an ordinal), what was published by its end counts, up to the position.
    Instants are microseconds since 1970 UTC.
    """

    as_of: int
    position: int | None = None
    instant: int | None = None
    published: int | None = None

    def known(self) -> tuple[Mode, int]:
        """Return how K is given, and the parameter that gives it: 0 for the head."""
        if self.position is not None:
            return "position", self.position
        return ("head", 0) if self.instant is None else ("instant", self.instant)


class Basis(NamedTuple):
    """D and K resolved: a day, and a position with its instant (0 and 0 before the first event).

    `published` is the last day of publication that counts; None as recorded. With `newest`, K was the head when it was
    looked up.
    """

    as_of: int
    position: int
    recorded_at: int
    published: int | None = None
    newest: bool = False

    def pinned(self) -> Question:
        """Return the question that has this basis, whatever is recorded later."""
        return Question(self.as_of, self.position, published=self.published)


class ItemState(NamedTuple):
    """An item's state at (D, K): `body` is its JSON, `tokens` what it is found by, where the question needs them.

    `matched` says what of it was found in place of what was asked about, by parameter: a bloc, a code, a name, `all`.
    `side` says how it stands between two partners, where they are asked about.
    """

    number: int
    slug: str
    kind: str
    status: str
    body: bytes
    tokens: frozenset[str] = frozenset()
    matched: Mapping[str, str] = {}  # never changed
    side: Side | None = None


class StateFilter(NamedTuple):
    """States of a kind, of items that carry every token, with a mark of each of `marks` and none of `without`.

    The first token is the one whose candidates are tried; without any, all items of the kind are. Only a state has
    marks (`status:`, `certainty:`): no item is found by them. Items that are only planned pass where `planned` is true.
    """

    kind: str
    tokens: Sequence[str] = ()
    marks: Sequence[Sequence[str]] = ()
    planned: bool = False
    without: Sequence[str] = ()

    def takes(self, found_by: frozenset[str]) -> bool:
        """Return whether a state with these tokens passes."""
        return (
            found_by.issuperset(self.tokens)
            and all(not found_by.isdisjoint(marks) for marks in self.marks)
            and found_by.isdisjoint(self.without)
        )


class Included(NamedTuple):
    """Which items an answer has as well: those that have ended, those that are only planned."""

    ended: bool = False
    planned: bool = False


class ScopeFilter(NamedTuple):
    """States of some kinds for which every clause holds, with a mark of each of `marks` and none of `without`.

    Items are found by the first two clauses: the first are those that leave the fewest candidates. There is one at
    least. Those that have ended in every reading, and those that are only planned, pass where they are `included`.
    `unsaid` asks for the states that cannot be compared with the clause about a good, in place of those it holds for.
    Without `bodies` the states may come without them. They stand between `partners`. A restriction that names entities
    names `maker` or all others. Both need the bodies.
    """

    kinds: tuple[str, ...]
    clauses: Sequence[Clause]
    marks: Sequence[Sequence[str]] = ()
    included: Included = Included()
    without: Sequence[str] = ()
    unsaid: bool = False
    bodies: bool = True
    partners: Partners | None = None
    maker: Clause | None = None

    def searched(self) -> ScopeFilter:
        """Return the filter by which the states are looked for."""
        if not self.unsaid:
            return self
        return self._replace(clauses=[each.uncompared() if each.unsaid else each for each in self.clauses])


class Sieve(NamedTuple):
    """What items pass by: a filter on their states, and groups of tokens; they have carried one of each group."""

    wanted: ScopeFilter
    carried: Sequence[Sequence[str]]


class StatePage(NamedTuple):
    """States in order of the items' first appearance.

    `next` is the item number after which the next page begins, None at the end. A page may be short before the end.
    """

    basis: Basis
    items: list[ItemState]
    next: int | None


class OneState(NamedTuple):
    """One item's state, and its version if it is an issue."""

    basis: Basis
    state: ItemState
    version: int


class IssuePage(NamedTuple):
    """A page of an issue's items; `own` is the issue itself if it is on the page, `version` its version.

    As recorded it has the issue's `posture`; as published that follows from all items.
    """

    basis: Basis
    items: list[ItemState]
    next: int | None
    own: OneState | None
    version: int
    posture: Posture | None = None


class Summary(NamedTuple):
    """What an issue has apart from the members of every state."""

    version: int
    posture: Posture


class FirstStatus(NamedTuple):
    """The first day on which an item has a status at all, and the first K at which it has one.

    K is a position or, as published, a day of publication; the other is None.
    """

    as_of: int
    position: int | None
    published: int | None = None


PAGE_BYTES = 2 * 2**20
"""Bytes of states on a page, unless the first alone has more; the rest is for the next page. Others wait for it."""


def fitting(sizes: Sequence[int], limit: int) -> int:
    """Return how many of the first entries are a page, by their number and by their sizes in bytes."""
    total = 0
    if sum(sizes) <= PAGE_BYTES:
        return min(len(sizes), limit)
    for count, size in enumerate(sizes[:limit]):
        total += size
        if total > PAGE_BYTES and count:
            return count
    return min(len(sizes), limit)


def is_full(states: Sequence[ItemState], limit: int) -> bool:
    """Return whether some states are more than a page."""
    return fitting([len(each.body) for each in states], limit) < len(states)


def page_of(basis: Basis, states: Sequence[ItemState], limit: int, *, more: bool = False) -> StatePage:
    """Return a page of states; one state beyond it, or `more`, shows that others follow."""
    items = list(states[: fitting([len(each.body) for each in states], limit)])
    return StatePage(basis, items, items[-1].number if more or len(states) > len(items) else None)


def issue_page_of(
    basis: Basis,
    version: int,
    states: Sequence[ItemState],
    slug: str,
    limit: int,
    *,
    last: int | None = None,
) -> IssuePage:
    """Return a page of the states of an issue and its items: one more than `limit`, and perhaps the issue's own.

    `last` is the item read last, where the others are left out because these are more than a page.
    """
    own = next((OneState(basis, each, version) for each in states if each.slug == slug), None)
    page = page_of(basis, [each for each in states if each.slug != slug], limit)
    return IssuePage(basis, page.items, last if page.next is None else page.next, own, version)


Statuses = dict[str, set["ItemStatus"]]
"""By issue, its items as its posture sees them."""
