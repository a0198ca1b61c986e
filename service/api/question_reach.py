"""Which events may change the answer to a question: its query as groups of tokens (docs/decisions/0044).

The clauses are those that the answer is found by; of each, every token by which an item may come to pass it, to fail
it, or to be counted as not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.between import BetweenQuery
from service.api.exposure import ExposureQuery
from service.api.issue_list import IssuesQuery
from service.api.issues import IssueQuery
from service.api.items import ItemsQuery
from service.api.spec.response_shapes import MEASURES
from service.domain.matching.asked import clause_of
from service.domain.rule.tokens import token
from service.domain.vocabulary.codes import ANY_OF
from service.domain.vocabulary.kinds import KINDS
from service.watches.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.api.http.parameters import AsOfQuery

_SORTS = {"good": "goods", "hs": "goods", "eccn": "goods", "entity": "entities", "issue": "issues"}
"""The sort of token that an event may have too much of to list, by filter."""
_ORDER = ("entity", "eccn", "good", "hs", "issue", "a", "b", "by", "against", "party", "origin", "destination")
"""Filters on what is touched, the rarest first."""
_PARTIES = frozenset({"a", "b", "against", "party", "origin", "destination"})
"""Filters that are about a party on either side: events do not say on which side a party is."""
_KINDS = {kind.plural: kind.name for kind in KINDS.values()}


def reach_of(path: str, name: str, query: AsOfQuery, day: int) -> Reach:
    """Return the reach of a question at a path, about one item where it has a name, as of a day (an ordinal)."""
    match query:
        case IssueQuery():
            return Reach((frozenset({token("issue", name), token("item", name), ANY_OF["issues"]}),))
        case ExposureQuery():
            given = {"entity"} if query.good_asked is None else {"good", "hs", "eccn"}
            return _of(query, MEASURES, given | {"party", "origin", "destination"}, day)
        case BetweenQuery():
            return _between(query, day)
        case IssuesQuery():
            return Reach()  # each has the version and the posture of its issue, which every event changes
        case ItemsQuery():
            kind = _KINDS[path.rpartition("/")[2]]
            found = _of(query, (kind,), frozenset(_ORDER), day)
            return found if kind == "clearance" else found._replace(refers=False)
        case _:
            return Reach((frozenset({token("item", name)}),))


def _between(query: BetweenQuery, day: int) -> Reach:
    """Return the reach of `between`: a statement says whom it is about in words, or names an item, so each counts."""
    kinds = query.kind or tuple(name for name in KINDS if name != "issue")
    statements = frozenset({_type("statement")} if "statement" in kinds else ())
    goods = _groups(query, {"good", "hs", "issue"}, day)
    partners = [_group("party", (party,), day) | statements for party in query.partners() if party is not None]
    return Reach((*goods, *partners), _types(query.kind or ()), refers=True)


def _of(query: AsOfQuery, kinds: Sequence[str], names: Iterable[str], day: int) -> Reach:
    return Reach(tuple(_groups(query, names, day)), _types(kinds), refers=True)


def _groups(query: AsOfQuery, names: Iterable[str], day: int) -> list[frozenset[str]]:
    """Return the tokens of each filter that is given, the rarest first."""
    wanted = frozenset(names)
    given = [(name, value) for name in _ORDER if name in wanted and (value := getattr(query, name, None)) is not None]
    return [
        _group("party" if name in _PARTIES else name, (value,) if isinstance(value, str) else value, day)
        for name, value in given
    ]


def _group(name: str, values: Sequence[str], day: int) -> frozenset[str]:
    clause = clause_of(name, values, day)
    sort = _SORTS.get(name)
    return frozenset({*clause.candidates(KINDS), *clause.unsaid, *([] if sort is None else [ANY_OF[sort]])})


def _types(kinds: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_type, kinds))


def _type(kind: str) -> str:
    return token("type", f"{kind}.*")
