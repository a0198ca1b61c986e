"""On what the reports of a fact do not agree (docs/semantics.md, 2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.vocabulary.dates import all_overlap, parse
from service.domain.vocabulary.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.domain.vocabulary.events import Fact, Report

DENIES = "denies"
_encode = msgspec.json.Encoder(order="sorted").encode


class ReportedValue(msgspec.Struct, frozen=True, gc=False):
    """A value that reports give, with their outlets."""

    value: Any
    """The value; null where these reports give none."""
    outlets: tuple[str, ...]
    """The outlets that give the value, each once."""


class Disagreement(msgspec.Struct, frozen=True, gc=False):
    """A member on which the reports of a fact do not agree."""

    member: str
    """`stance` where a report denies the fact, `occurred` where the dates do not agree, else the name of a term."""
    says: tuple[ReportedValue, ...]
    """Each value that a report gives, in the order of the reports."""


def disagreements(fact: Fact, reports: Sequence[Report]) -> tuple[Disagreement, ...]:
    """List on what the reports of a fact do not agree, in the order of the document."""
    found = []
    if any([report.stance == DENIES for report in reports]):
        found.append(_by_value("stance", reports, lambda report: report.stance))
    dating = [report for report in reports if report.stance != DENIES or report.occurred]
    dates = {report.occurred or fact.occurred for report in dating}
    if len(dates) > 1 and not all_overlap({parse(each) for each in dates}):
        found.append(_by_value("occurred", dating, lambda report: report.occurred or fact.occurred))
    given = sorted({name for report in reports for name in report.terms or ()})
    own = msgspec.to_builtins(terms_of(fact)) if given else {}
    for name in given:
        saying = [each for each in reports if each.stance != DENIES or name in (each.terms or ())]
        values = _by_value(name, saying, partial(_term, name, own.get(name)))
        if len(values.says) > 1:
            found.append(values)
    return tuple(found)


def _term(name: str, own: Any, report: Report) -> Any:  # noqa: ANN401 - any term
    """Return the value of a term that a report gives; its fact's own where it does not."""
    return (report.terms or {}).get(name, own)


def _by_value(member: str, reports: Sequence[Report], value_of: Callable[[Report], Any]) -> Disagreement:
    """Group the outlets of some reports by the value of a member; values that are the same as JSON are one."""
    values: dict[bytes, Any] = {}
    outlets: dict[bytes, dict[str, None]] = {}
    for report in reports:
        value = value_of(report)
        key = _encode(int(value) if isinstance(value, float) and value.is_integer() else value)  # 34.0 is 34
        values.setdefault(key, value)
        outlets.setdefault(key, {})[report.outlet] = None
    return Disagreement(member, tuple(ReportedValue(value, tuple(outlets[key])) for key, value in values.items()))
