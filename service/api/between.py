"""What stands between two partners on a day: everything that one does to the other, and what they do together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, Compared, EndedOrPlanned, Several
from service.api.spec import examples
from service.api.spec.between_shapes import BETWEEN
from service.api.spec.operations import TABLE, Operation, Route, as_of_answers
from service.api.spec.state_shapes import STATES, columns_of
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES, clause_of
from service.domain.matching.partners import Partners
from service.domain.rule.tokens import token
from service.domain.vocabulary.codes import PARTIES, Hs, Name, Party, Slug
from service.domain.vocabulary.kinds import KINDS, PLANNED, STATUSES
from service.views.asof.displaced import displacing
from service.views.asof.question import Included, ScopeFilter
from service.views.asof.sources import page_work, with_sources
from service.views.asof.touching import not_compared, shown, touching_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.matching.clauses import Clause
    from service.views.asof.question import ItemState, StatePage
    from service.views.asof.weighing import PageWork

if TYPE_CHECKING:
    ItemKind = str
else:
    ItemKind = Literal[tuple(name for name in KINDS if name != "issue")]
_KINDS = tuple(name for name in KINDS if name != "issue")
_STATUSES = {status for kind in _KINDS for status in STATUSES[kind]} | {PLANNED}
_ENDS = {status for kind in _KINDS for status in KINDS[kind].ends}
_SIDES = ("a_on_b", "b_on_a", "both")
RECENT = 90
"""Days for which a call or a statement stands between partners."""
Pair = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2,8},[A-Z]{2,8}\Z",
        description="Both partners in one, in place of `a` and `b`.",
        examples=["US,CN"],
    ),
]


class BetweenQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """Two partners, D and K, a page, and filters on items; all of them hold."""

    a: Annotated[Party | None, Meta(description="One partner: a country or a bloc.")] = None
    b: Annotated[Party | None, Meta(description="The other partner.")] = None
    between: Pair | None = None
    issue: Annotated[Several[Slug] | None, Meta(description="Items of one of these issues.")] = None
    kind: Annotated[Several[ItemKind] | None, Meta(description="Items of one of these kinds.")] = None
    status: Annotated[
        Several[Name] | None,
        Meta(
            description="Items that have one of these statuses in some reading. Ended items where one is an end, "
            "planned ones for `planned`."
        ),
    ] = None
    good: Annotated[
        Name | None,
        Meta(description="Items on this good, by the words of its name, by element or ECCN; and those on all goods."),
    ] = None
    hs: Annotated[
        Hs | None, Meta(description="Items on goods whose HS code begins so, or that this code begins with.")
    ] = None
    recent: Annotated[
        int,
        Meta(ge=1, le=36_600, description="Calls and statements stand there for so many days, the day D included."),
    ] = RECENT
    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: those too that have ended in every reading. `planned`: those that are only planned."
        ),
    ] = None
    compared: Compared = "yes"

    def partners(self) -> tuple[str | None, str | None]:
        """Return both partners."""
        one, _, other = (self.between or "").partition(",")
        return self.a or one or None, self.b or other or None

    def faults(self) -> list[Fault]:
        """Refuse one partner, three, twice the same; a kind or a status that there is not."""
        return [*self._partner_faults(), *self._list_faults(), *super().faults()]

    def _partner_faults(self) -> list[Fault]:
        one, other = self.partners()
        if self.between is not None and (self.a or self.b):
            return [Fault(("between",), "not together with a and b")]
        missing = [Fault((name,), "give both partners") for name, value in (("a", one), ("b", other)) if value is None]
        unknown = [each for each in (one, other) if each and each not in PARTIES]
        missing += [Fault(("between",), f"{each} is no party") for each in unknown]
        same = Fault(("b" if self.between is None else "between",), "the same as the first")
        nothing = Fault(("compared",), "it is about a good: give good or hs")
        missing += [nothing] if self.compared == "no" and not (self.good or self.hs) else []
        return [*missing, *([same] if one == other and one else [])]

    def _list_faults(self) -> list[Fault]:
        return [Fault(("status",), f"nothing is ever {each}") for each in self.status or () if each not in _STATUSES]

    def filter(self, day: int) -> ScopeFilter:
        """Return the filter that the query asks for on a day."""
        kinds = self.kind or _KINDS
        one, other = self.partners()
        partners = Partners(one, other, day, self.recent)
        given = [(name, value) for name in ("good", "hs", "issue") if (value := getattr(self, name)) is not None]
        clauses = [clause_of(name, value, day) for name, value in given if name != "issue"]
        clauses += partners.clauses(kinds)
        clauses += [clause_of(name, value, day) for name, value in given if name == "issue"]
        own, statuses = INCLUDED[self.include], self.status or ()
        included = Included(own.ended or not _ENDS.isdisjoint(statuses), own.planned or PLANNED in statuses)
        marks = [[token("status", each) for each in statuses]] if statuses else []
        return ScopeFilter(kinds, clauses, marks, included, unsaid=self.compared == "no", partners=partners)


async def _get_between(asked: AsOfRequest[BetweenQuery]) -> Answered:
    """Read what stands between two partners."""
    query, database = asked.query, asked.database
    wanted = query.filter(asked.question.as_of)
    work = page_work(asked.question, query.sources)
    page = await touching_page(database, asked.question, wanted, after=asked.after, limit=query.limit, work=work)
    others = await _displacing(asked, wanted, page, work.beside())
    left = await not_compared(database, page.basis, wanted, work)
    found = await with_sources(database, page.basis, page.items, page.next, query.sources, work)
    answered = asked.page(page.basis, (), found.next, not_compared=left)
    return answered._replace(members=_grouped(found.items, others) + answered.members.removeprefix(b'"items":[]'))


async def _displacing(
    asked: AsOfRequest[BetweenQuery], wanted: ScopeFilter, page: StatePage, work: PageWork
) -> dict[str, list[str]]:
    """Return, for each restriction that is displaced, those that the same partner has in its place."""
    sides: list[tuple[list[ItemState], list[Clause]]] = []
    goods, day = [clause for clause in wanted.clauses if clause.unsaid], page.basis.as_of
    one, other = asked.query.partners()
    for side, actor, target in (("a_on_b", one, other), ("b_on_a", other, one)):
        clauses = [*goods, *[CLAUSES[name](who, day) for name, who in (("by", actor), ("against", target)) if who]]
        sides.append(([each for each in page.items if each.side == side], clauses))
    return await displacing(asked.database, page.basis, sides, work)


def _grouped(items: Iterable[ItemState], displaced_by: Mapping[str, Sequence[str]]) -> bytes:
    """Return the members for the three sides, each with its items by kind, as JSON."""
    sides: dict[str, dict[str, list[bytes]]] = {side: {} for side in _SIDES}
    for each in items:
        body = shown(each, displaced_by.get(each.slug, ()))
        sides[each.side or "both"].setdefault(each.kind, []).append(body)
    return b",".join(
        [b'"%s":{%s}' % (side.encode(), b",".join(map(_listed, kinds.items()))) for side, kinds in sides.items()]
    )


def _listed(kind: tuple[str, list[bytes]]) -> bytes:
    name, bodies = kind
    return b'"%s":[%s]' % (name.encode(), b",".join(bodies))


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the states of an answer as the rows of a table, each with its side, by side and kind."""
    return [{"side": side} | each for side in _SIDES for states in answer[side].values() for each in states]


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/between", operation_id="get_between", tag="between",
            summary="Get what stands between two partners",
            description="Every item but issues that stands between two partners as of (D, K): what `a` does to `b`, "
            "what `b` does to `a`, and what both take part in, through blocs and measures against all as well; `limit` "
            "items in all, in order of first appearance in the log. A restriction in whose place others stand names "
            "them in `displaced_by`. Items that have ended in every reading, and those that are only planned, are left "
            "out unless asked for. A table has the `side` of each item.",
            query=BetweenQuery, narrowed={"status": sorted(_STATUSES)}, headers=("If-None-Match",),
            example_query={"a": "US", "b": "CN", **examples.AS_OF},
            answers=as_of_answers("What stands between them.", BETWEEN, examples.BETWEEN, also=TABLE),
            problems=("knowledge-ahead", "not-acceptable"),
        ),
        as_of(BetweenQuery, _get_between, ("side", *columns_of(*map(STATES.__getitem__, _KINDS))), _rows),
    )
]  # fmt: skip
