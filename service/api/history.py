"""How things came to be so: an issue's timeline, what changed in it, and every state that an item ever had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from msgspec import Meta

from service.api.issues import absent
from service.api.queries import (
    LIMIT_DEFAULT,
    BadQuery,
    Cursor,
    Day,
    Known,
    KnownPage,
    Limit,
    Moment,
    ended_day,
    micros,
    ordinal,
)
from service.api.wire import (
    AnyRequest,
    Handler,
    Held,
    answer,
    ask_of,
    freeze,
    frozen,
    held_by,
    known,
    named,
    next_of,
    not_modified,
    not_of_this_list,
    place_of,
    query_of,
    same_clocks,
    services,
)
from service.domain import dates, instants
from service.domain.errors import Fault, KnowledgeAhead
from service.views import difference, published, rectangles, timeline
from service.views import query as views
from service.views.difference import Point

if TYPE_CHECKING:
    from litestar import Response

    from service.storage.database import Database


async def get_timeline(request: AnyRequest) -> Response[bytes]:
    """Read a page of an issue's facts in valid order."""
    slug = named(request, "issue", "issue")
    asked, after, at, headers = await _begun(request)
    if (same := not_modified(request, headers)) is not None:
        return same
    await _check_known(request, at, slug)
    known_at = timeline.Known(at.position, at.published)
    page = await timeline.page(services(request).database, slug, known_at, after=after, limit=asked.limit)
    facts = b",".join(told.body for told in page.facts)
    return answer(b'{"items":[%s],%s,%s}' % (facts, next_of(request, at, page.next), _always(at)), headers=headers)


class _Begun(NamedTuple):
    """A question about every day: what was asked, behind what its page begins, what is known, the answer's headers."""

    asked: KnownPage
    after: int
    at: views.Basis
    headers: dict[str, str]


async def _begun(request: AnyRequest) -> _Begun:
    """Find out what a page of a history is about."""
    asked = query_of(request, KnownPage)
    ask, after = await place_of(request, asked)
    at = await views.basis(services(request).database, ask)
    clocks = _known_clocks(at)
    return _Begun(asked, after, at, frozen(request, _tag(clocks), clocks, pinned=_pins(asked)))


def _known_clocks(at: views.Basis) -> dict[str, str]:
    clocks = {"known_position": str(at.position)}
    if at.published is not None:
        clocks |= {"known_basis": "published", "known_at": dates.iso(at.published)}
    return clocks


def _pins(asked: Known) -> bool:
    """Tell whether a query names all that K is made of."""
    if asked.known_basis == "published":
        return asked.known_position is not None and asked.known_at is not None
    return asked.known_position is not None or asked.known_at is not None


def _tag(clocks: dict[str, str]) -> str:
    return f'"{".".join(clocks.values())}"'


def _always(at: views.Basis) -> bytes:
    """Write the basis of an answer that is about no one day."""
    return b'"as_of":null,%s' % known(at)


async def _check_known(request: AnyRequest, at: views.Basis, slug: str) -> None:
    """Refuse an issue that is not known at K: known, it exists on every day."""
    if await views.item(services(request).database, at.pinned(), "issue", slug) is None:
        raise await absent(request, "issue", slug, at.pinned())


def versions_getter(kind: str) -> Handler:
    """Make the operation that reads the history of an item of a kind as rectangles of (D, K)."""

    async def get_versions(request: AnyRequest) -> Response[bytes]:
        slug = named(request, "item", kind)
        asked, day, at, headers = await _begun(request)
        if (same := not_modified(request, headers)) is not None:
            return same
        after = (day, held_by(request, asked.cursor).within if asked.cursor else 0)
        page = await _rectangles(services(request).database, kind, slug, at, after, asked.limit)
        if page is None:
            raise await absent(request, kind, slug, at.pinned())
        items = b",".join(_rectangle(each, at) for each in page.rectangles)
        last = page.rectangles[-1] if page.more else None
        following = next_of(request, at, last and last.valid_from, last.known_from if last else 0)
        return answer(b'{"items":[%s],%s,%s}' % (items, following, _always(at)), headers=headers)

    return get_versions


async def _rectangles(
    database: Database, kind: str, slug: str, at: views.Basis, after: tuple[int, int], limit: int
) -> rectangles.Page | None:
    """Read a page of an item's rectangles on either basis; None where there are none at all."""
    if at.published is None:
        return await rectangles.page(database, kind, slug, at.position, after=after, limit=limit)
    every = await published.rectangles(database, kind, slug, at.position, at.published)
    left = [each for each in every if (each.valid_from, each.known_from) > after]
    return rectangles.Page(left[:limit], len(left) > limit) if every else None


def _rectangle(each: rectangles.Rectangle, at: views.Basis) -> bytes:
    known = str if at.published is None else lambda day: f'"{dates.iso(day)}"'
    return b'{"valid_from":"%s","valid_to":%s,"known_from":%s,"known_to":%s,"state":%s}' % (
        dates.iso(each.valid_from).encode(),
        b"null" if each.valid_to is None else b'"%s"' % dates.iso(each.valid_to).encode(),
        known(each.known_from).encode(),
        b"null" if each.known_to is None else known(each.known_to).encode(),
        each.state,
    )


class DiffQuery(Known, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Between which two points: two days as known at one K, or two Ks on one day.

    Two Ks are positions or instants of recording, or with `known_basis=published` days of publication.
    """

    from_: Annotated[Day | None, Meta(description="The first of two days. Not together with `known_from`.")] = None
    to: Annotated[Day | None, Meta(description="The second day; today in UTC when absent.")] = None
    known_from: Annotated[Moment | None, Meta(description="The first of two Ks. Not together with `from`.")] = None
    known_to: Annotated[
        Moment | None, Meta(description="The second K; the head of the log, or as published today, when absent.")
    ] = None
    as_of: Annotated[Day | None, Meta(description="With `known_from`, the day; today in UTC when absent.")] = None
    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT

    def faults(self) -> list[Fault]:
        """Refuse what is not two days or two Ks, and two that are not in order."""
        if (self.from_ is None) == (self.known_from is None):
            return [Fault(("from",), "give `from`, for two days, or `known_from`, for two Ks")]
        others: tuple[str, ...] = ("known_to", "as_of") if self.from_ is not None else ("to", "known_at")
        if self.known_from is not None and self.known_basis == "recorded":
            others += ("known_position",)
        by = "from" if self.from_ is not None else "known_from"
        faults = [Fault((name,), f"not together with {by}") for name in others if getattr(self, name) is not None]
        for name in ("known_from", "known_to"):
            given = getattr(self, name)
            if given is not None and (fault := _misread(given, published=self.known_basis == "published")):
                faults.append(Fault((name,), fault))
        if self.from_ and self.to and self.from_ > self.to:
            faults.append(Fault(("to",), "before from"))
        return [*faults, *super().faults()]


def _misread(moment: str, *, published: bool) -> str | None:
    """Say why a K does not go with its basis; None when it does."""
    if not published:
        return "with known_basis=recorded a position or an instant, not a day" if _is_day(moment) else None
    if moment.isdecimal():
        return "with known_basis=published a day or an instant, not a position"
    return "no day has ended by then" if ended_day(moment) == 0 else None


def _is_day(moment: str) -> bool:
    return "-" in moment and "T" not in moment


class _Span(NamedTuple):
    """Two points, the basis of the second, and how an answer names them.

    A point is a day and a position, or as published a day and a day of publication. `within` is the first of two Ks,
    for the cursor: it has the second point.
    """

    one: Point
    other: Point
    at: views.Basis
    clocks: dict[str, str]
    pinned: bool
    basis: bytes
    within: int = 0


async def get_diff(request: AnyRequest) -> Response[bytes]:
    """Read what changed in an issue between two points."""
    slug = named(request, "issue", "issue")
    asked = query_of(request, DiffQuery)
    held = None if asked.cursor is None else held_by(request, asked.cursor)
    span = await _span(request, asked, held)
    if held and (held.as_of, held.position, held.within) != (span.other.day, span.at.position, span.within):
        raise not_of_this_list()
    headers = frozen(request, _tag(span.clocks), span.clocks, pinned=span.pinned)
    if (same := not_modified(request, headers)) is not None:
        return same
    await _check_known(request, span.at, slug)
    database, after = services(request).database, held.after if held else 0
    if span.at.published is None:
        page = await difference.page(database, slug, span.one, span.other, after=after, limit=asked.limit)
    else:
        one, other = (published.Clocks(point.day, span.at.position, point.known) for point in (span.one, span.other))
        page = await difference.published_page(database, slug, one, other, after=after, limit=asked.limit)
    following = next_of(request, span.at, page.items[-1].number if page.more else None, span.within)
    items = b",".join(_changed(each) for each in page.items)
    return answer(b'{"items":[%s],%s,%s}' % (items, following, span.basis), headers=headers)


async def _span(request: AnyRequest, asked: DiffQuery, held: Held | None) -> _Span:
    if asked.from_ is not None:
        return await _two_days(request, asked, held)
    if asked.known_basis == "published":
        return await _two_publications(request, asked, held)
    return await _two_positions(request, asked, held)


def _changed(each: difference.Changed) -> bytes:
    before, after = (b"null" if state is None else state for state in (each.before, each.after))
    return b'{"id":"%s","kind":"%s","before":%s,"after":%s}' % (each.slug.encode(), each.kind.encode(), before, after)


async def _two_days(request: AnyRequest, asked: DiffQuery, held: Held | None) -> _Span:
    """Resolve two days at one K; what is not given is as the cursor has it."""
    first, last = ordinal(asked.from_ or ""), _day(request, asked.to, held)
    if first > last:
        raise BadQuery([Fault(("from",), "later than today")])
    if held and not same_clocks(request, asked, held):
        raise not_of_this_list()
    ask = held.ask if held else await ask_of(request, asked)
    at = await views.basis(services(request).database, ask._replace(as_of=last))
    days = {"from": dates.iso(first), "to": dates.iso(last)}
    counts = at.position if at.published is None else at.published
    return _Span(
        Point(first, counts), Point(last, counts), at, days | _known_clocks(at),
        asked.to is not None and _pins(asked),
        b'"from":"%s","to":"%s",%s' % (days["from"].encode(), days["to"].encode(), _always(at)),
    )  # fmt: skip


async def _two_positions(request: AnyRequest, asked: DiffQuery, held: Held | None) -> _Span:
    """Resolve two Ks on one day; what is not given is as the cursor has it."""
    day = _day(request, asked.as_of, held)
    one = await _known_at(request, "known_from", asked.known_from, views.Ask(day))
    at = await _known_at(request, "known_to", asked.known_to, held.ask if held else views.Ask(day))
    if one.position > at.position:
        raise BadQuery([Fault(("known_to",), "before known_from")])
    clocks = {"as_of": dates.iso(day), "known_from": str(one.position), "known_to": str(at.position)}
    return _Span(
        Point(day, one.position), Point(day, at.position), at, clocks,
        asked.as_of is not None and asked.known_to is not None,
        b'"as_of":"%s","known_from":%d,"known_to":%d,%s' % (
            clocks["as_of"].encode(), one.position, at.position, known(at),
        ),
        one.position,
    )  # fmt: skip


async def _two_publications(request: AnyRequest, asked: DiffQuery, held: Held | None) -> _Span:
    """Resolve two days of publication on one day; what is not given is as the cursor has it."""
    day, first = _day(request, asked.as_of, held), ended_day(asked.known_from or "")
    today = instants.day(services(request).clock())
    last = ended_day(asked.known_to) if asked.known_to else held.published or 0 if held else today
    if first > last:
        raise BadQuery([Fault(("known_to",), "before known_from")])
    position = asked.known_position if asked.known_position is not None or not held else held.position
    at = await views.basis(services(request).database, views.Ask(day, position, published=last))
    if held and held.published != last:
        raise not_of_this_list()
    ends = {"known_from": dates.iso(first), "known_to": dates.iso(last)}
    clocks = {"as_of": dates.iso(day), **ends, "known_position": str(at.position), "known_basis": "published"}
    return _Span(
        Point(day, first), Point(day, last), at, clocks,
        None not in (asked.as_of, asked.known_to, asked.known_position),
        b'"as_of":"%s","known_from":"%s","known_to":"%s",%s' % (
            clocks["as_of"].encode(), ends["known_from"].encode(), ends["known_to"].encode(), known(at),
        ),
        first,
    )  # fmt: skip


def _day(request: AnyRequest, written: str | None, held: Held | None) -> int:
    """Give the day that is written, else the cursor's, else today."""
    if written is not None:
        return ordinal(written)
    return held.as_of if held else instants.day(services(request).clock())


async def _known_at(request: AnyRequest, name: str, written: str | None, otherwise: views.Ask) -> views.Basis:
    """Resolve a position or an instant; KnowledgeAhead when it lies beyond the head."""
    ask = otherwise
    if written is not None and "T" in written:
        ask = views.Ask(otherwise.as_of, instant=micros(written))
        await freeze(request, name, written, micros(written))
    elif written is not None:
        ask = views.Ask(otherwise.as_of, int(written))
    try:
        return await views.basis(services(request).database, ask)
    except KnowledgeAhead as ahead:
        asked = f"{name}={written}"
        raise KnowledgeAhead(asked, ahead.head) from ahead
