"""The view of one issue: its timeline, its state on the day, and all its facts with their sources."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.domain.vocabulary.dates import iso, parse
from service.page.pictures import timeline
from service.page.pictures.legend import legend
from service.page.pictures.lives import StatusChange, lives_of
from service.page.pictures.scene import Links, Scene
from service.page.pictures.timeline_facts import MarkedFact
from service.page.views.facts import shown
from service.page.views.lists import pages, read
from service.page.visit import View, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.page.ask import Members
    from service.page.pictures.scale import Window
    from service.page.visit import Visit

ALL_DAYS = {"from": "0001-01-01", "to": "9999-12-30"}
SPANS = {"all": 0, "5y": 5 * 366, "1y": 366, "90d": 90}
SPAN_WORDS = {"all": "All days", "5y": "5 years", "1y": "1 year", "90d": "90 days"}


async def view(visit: Visit) -> View:
    """Show an issue as of (D, K)."""
    slug = visit.request.path_params["issue"]
    path = f"/v1/issues/{slug}"
    issue, facts, changes = await together(
        visit.get(path, include="ended", sources="none", limit=1000),
        pages(visit, f"{path}/timeline"),
        read(visit, "/v1/changes", StatusChange, issue=slug, **ALL_DAYS),
    )
    found = msgspec.convert(facts[0], list[MarkedFact])
    lives = lives_of(changes[0])
    day = parse(visit.basis.as_of).lo
    span = visit.query.get("span", "all")
    window = timeline.window_of(lives.values(), found, day, SPANS.get(span, 0))
    by_year = years(facts[0], visit.basis.as_of, visit.query.get("year"))
    links = Links(
        lambda at: visit.here(as_of=iso(at)),
        lambda kind, item: visit.link(f"/items/{kind}/{item}"),
        lambda fact: by_year.link(visit, fact),
    )
    figure = timeline.figure(lives, found, Scene(day, window, links))
    states = {each["id"]: each for group in issue["items"].values() for each in group}
    context = {
        "issue": issue, "figure": figure, "states": states, "years": by_year.groups,
        "complete": facts[1] and changes[1], "span": span if span in SPANS else "all", "spans": SPAN_WORDS,
        "days": days_around(lives, day), "range": range_of(window), "number": len(found),
        "legend": legend(picture for group in figure.groups for picture in group.pictures),
    }  # fmt: skip
    return View("issue.html", context, issue["title"])


def range_of(window: Window) -> dict[str, Any]:
    """Return the days of a window for the control that moves the day."""
    return {"first": window.first, "last": window.last - 1}


def days_around(lives: Mapping[str, Any], day: int) -> dict[str, str | None]:
    """Return the changes next to a day: the last one before it, and the first one after it."""
    days = sorted({edge for life in lives.values() for span in life.spans for edge in _edges(span) if edge > 1})
    before = [each for each in days if each < day]
    after = [each for each in days if each > day]
    return {"before": iso(before[-1]) if before else None, "after": iso(after[0]) if after else None}


def _edges(span: Any) -> list[int]:  # noqa: ANN401 - a span
    return [span.start.lo, *([span.end.lo] if span.end else [])]


class Years(NamedTuple):
    """Facts by the year in which they may first have occurred; of a long history, the facts of one year alone.

    `year` of a fact says where it is, for links to it.
    """

    groups: list[dict[str, Any]]
    year: dict[str, str]
    shown: str | None

    def link(self, visit: Visit, fact: str) -> str:
        """Return the address of a fact on the view."""
        year = self.year.get(fact)
        if self.shown is None or year == self.shown:
            return f"#fact-{fact}"
        return f"{visit.here(year=year)}#fact-{fact}"


def years(facts: Sequence[Members], as_of: str, asked: str | None) -> Years:
    """Put facts into years; the year asked for is open, else the last one up to the day."""
    by_year = {year: list(group) for year, group in groupby(facts, key=_year)}
    before = [year for year in by_year if year <= as_of[:4]]
    opened = asked if asked in by_year else before[-1] if before else next(iter(by_year), None)
    long = len(facts) > FACTS_MOST
    groups = [
        {
            "year": year,
            "number": len(group),
            "open": year == opened or len(facts) <= FEW,
            "facts": [] if long and year != opened else [shown(each) for each in group],
        }
        for year, group in by_year.items()
    ]
    of_fact = {fact["id"]: year for year, group in by_year.items() for fact in group}
    return Years(groups, of_fact, opened if long else None)


FEW, FACTS_MOST = 40, 250
"""Facts up to which all years are open; up to which all are on the view at once."""


def _year(fact: Members) -> str:
    low = parse(fact["occurred"]).lo
    return "Beginning not known" if low <= 1 else iso(low)[:4]
