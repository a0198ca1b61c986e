"""The pictures: where days, bars, soft ends, marks and rectangles stand, and that no text of the ledger is markup."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from service.domain.vocabulary.dates import parse
from service.page.markup import Markup, element, joined
from service.page.pictures import rectangles, steps, story
from service.page.pictures.bars import bars
from service.page.pictures.legend import legend
from service.page.pictures.lives import (
    Cell,
    CellState,
    Edge,
    ItemLife,
    Span,
    StatusChange,
    TurnSide,
    life_of,
    lives_of,
)
from service.page.pictures.marks import Mark, clusters, marks, rows_of
from service.page.pictures.scale import PLOT_WIDTH, Window

START = date(2025, 1, 1).toordinal()
YEAR = Window(START, START + 400)
"""400 days from the first of 2025: a day is a quarter of a percent."""
HOSTILE = '"><script>alert(1)</script>'


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def turn(on: str, status: str | None, **after: Any) -> StatusChange:  # noqa: ANN401 - terms of any type
    certainty, before = after.pop("certainty", "certain"), after.pop("before", {})
    sides = TurnSide(None, before), TurnSide(status, after)
    return StatusChange(on, "a-duty", "restriction", *sides, "id", "restriction.imposed", certainty)


def cell(days: tuple[str, str | None], known: tuple[Any, Any], status: str = "in_force", **state: Any) -> Cell:  # noqa: ANN401 - members of a state
    given = {"certainty": "certain", "ruling": "id", **state}
    return Cell(*days, *known, CellState(status=status, **given))


def numbers(drawn: str, name: str, tag: str = "rect", class_: str = "") -> list[float]:
    """Return the values of an attribute, without their unit, in the order in which elements are drawn."""
    found = re.findall(rf'<{tag} class="[^"]*{class_}[^"]*"[^>]* {name}="([\d.]+)%?"', drawn)
    return [float(each) for each in found]


def test_text_that_is_no_markup_is_escaped() -> None:
    """Content and attributes of an element are escaped, markup that was made before is not."""
    made = element("text", HOSTILE, element("b", "x"), class_=HOSTILE, data_day=3, href=None)
    assert "<script>" not in made
    assert made.endswith("<b>x</b></text>")
    assert 'data-day="3"' in made
    assert "href" not in made
    assert joined("<", Markup("<")) == "&lt;<"


def test_days_stand_in_proportion() -> None:
    """A day has its place in percent of the window; days outside lie on the edge."""
    assert [YEAR.x(START + each) for each in (0, 100, 400, -5, 900)] == [0, 25, 100, 0, 100]
    assert YEAR.shows(START - 9, START + 1)
    assert not YEAR.shows(START - 9, START)


@pytest.mark.parametrize("days", [3, 20, 90, 400, 3000, 40_000, 900_000])
def test_labels_of_the_axis_have_room(days: int) -> None:
    """However many days are shown, some are marked, and labels are as far apart as they are wide."""
    window = Window(START - days // 2, START + days) if days < 700_000 else Window(1, days)
    ticks = window.ticks()
    assert 1 <= len(ticks) <= PLOT_WIDTH // 55
    places = [window.pixels(tick.day - window.first) for tick in ticks]
    assert all(later - sooner >= 50 for sooner, later in pairwise(places))
    assert all(window.first <= tick.day < window.last for tick in ticks)


def test_a_life_is_made_of_changes() -> None:
    """Each change of status or rate begins a span; one that changes nothing that is drawn does not."""
    changes = [
        turn("2025-01-10", "announced", rate_percent=10),
        turn("[2025-02-01..2025-02-10]", "in_force"),
        turn("2025-03-01", "in_force", goods=[]),
        turn("2025-04-01", "in_force", rate_percent=20),
        turn("2025-05-01", "lifted", certainty="contested"),
    ]
    spans = lives_of(changes)["a-duty"].spans
    assert [(span.status, span.rate, span.contested) for span in spans] == [
        ("announced", 10, False), ("in_force", 10, False), ("in_force", 20, False), ("lifted", 20, True),
    ]  # fmt: skip
    soft = Edge(day("2025-02-01"), day("2025-02-10"))
    assert (spans[0].end, spans[1].start) == (soft, soft)
    assert spans[1].possible(day("2025-02-09"))
    assert not spans[1].possible(day("2025-02-10"))
    assert spans[-1].end is None


def test_a_life_is_made_of_the_rectangles_that_are_open_above() -> None:
    """What is known now is the life; a state that is only possible makes the end before it soft."""
    cells = [
        cell(("2025-01-10", None), (1, 2)),
        cell(("2025-01-10", "2025-02-01"), (2, None), charged_percent=10),
        cell(("2025-02-01", "2025-02-10"), (2, None), "expired", certainty="possible"),
        cell(("2025-02-10", None), (2, None), "expired"),
    ]
    running, expired = life_of("a-duty", "restriction", cells).spans
    assert running.rate == 10
    assert running.end == expired.start == Edge(day("2025-02-01"), day("2025-02-10"))
    assert expired.end is None


def test_a_bar_fades_where_the_day_is_uncertain() -> None:
    """A bar is solid between its sure days, and fades over the days on which it may begin or end."""
    span = Span("in_force", Edge(START + 40, START + 80), Edge(START + 200, START + 240), rate=10)
    drawn = bars(ItemLife("a-duty", "restriction", [span]), YEAR, 0)
    assert (numbers(drawn, "x", class_="stay runs"), numbers(drawn, "width", class_="stay runs")) == ([20], [30])
    assert (numbers(drawn, "x", class_="in-runs"), numbers(drawn, "width", class_="in-runs")) == ([10], [10])
    assert (numbers(drawn, "x", class_="out-runs"), numbers(drawn, "width", class_="out-runs")) == ([50], [10])
    assert ">10%<" in drawn


def test_each_look_is_drawn_in_its_own_way() -> None:
    """What runs, is suspended, is announced, has ended or is contested has a class of its own, not a colour alone."""
    statuses = ("announced", "in_force", "suspended", "in_force", "lifted")
    edges = [Edge(START + 50 * each, START + 50 * each) for each in range(6)]
    spans = [Span(status, edges[at], edges[at + 1], contested=at == 3) for at, status in enumerate(statuses)]
    drawn = bars(ItemLife("a-duty", "restriction", spans), YEAR, 0)
    for look, number in {
        "stay coming": 1,
        "stay runs": 2,
        "stay hidden": 1,
        "stay ended": 1,
        "hatch": 1,
        "cap": 1,
    }.items():
        assert len(re.findall(f'class="{look}"', drawn)) == number, look
    assert [name for name, _ in legend([drawn])] == ["runs", "hidden", "coming", "ended", "hatch"]


def test_what_lies_outside_the_window_is_not_drawn() -> None:
    """A span that ends before the first day shown, or begins after the last, leaves nothing."""
    sooner = Span("in_force", Edge(START - 90, START - 90), Edge(START - 5, START - 5))
    later = Span("in_force", Edge(START + 500, START + 500), None)
    assert bars(ItemLife("a-duty", "restriction", [sooner, later]), YEAR, 0) == ""


def mark(at: int, label: str = "", shape: str = "fact") -> Mark:
    return Mark(Edge(START + at, START + at), shape, f"mark {at}", f"#{at}", label)


def test_marks_that_would_overlap_are_one_with_their_number() -> None:
    """Marks of one place are drawn as one that says how many they are; what stands apart stays so."""
    found = [mark(10), mark(11), mark(12), mark(200)]
    assert [len(each) for each in clusters(found, YEAR)] == [3, 1]
    drawn = marks(found, YEAR, 10)
    assert drawn.count("<use ") == 2
    assert ">3</text>" in drawn
    assert "mark 11" in drawn


def test_labels_beside_marks_never_overlap() -> None:
    """Each label has its own stretch of a row; one without room is left out, and marks without room are none."""
    placed = rows_of([mark(10, "Geneva"), mark(14, "London"), mark(300, "Stockholm"), mark(398, "Madrid")], YEAR, 4)
    assert placed is not None
    assert [(each.label, each.row, each.turned) for each in placed] == [
        ("Geneva", 0, False), ("London", 1, False), ("Stockholm", 0, False), ("Madrid", 0, True),
    ]  # fmt: skip
    crowded = rows_of([mark(10 * each, "A long label") for each in range(12)], YEAR, 2)
    assert crowded is not None
    assert {each.label for each in crowded} == {"A long label", ""}
    assert rows_of([mark(each) for each in range(9)], YEAR, 4) is None


def test_rectangles_stand_by_days_and_by_rank_of_knowledge() -> None:
    """Days go across, to scale; each K at which something was learnt is a row, the first one lowest."""
    cells = [
        cell(("2025-01-01", None), (3, 90)),
        cell(("2025-01-01", "2025-04-11"), (90, None)),
        cell(("2025-04-11", None), (90, None), "suspended"),
    ]
    drawn = rectangles.picture("restriction", cells, YEAR, {}, day=START + 5)
    cells_drawn = [numbers(drawn.drawn, name, class_="cell") for name in ("x", "y", "width", "height")]
    x, y, width, height = cells_drawn
    assert (x, width) == ([0, 0, 25], [100, 25, 75])
    assert drawn.height == y[0] + height[0]
    assert y[1] == y[2] == 0
    assert y[0] == height[1]
    assert [row.label for row in drawn.rows] == ["№ 3", "№ 90"]
    assert numbers(drawn.drawn, "width", class_="here") == [25]


def test_rows_of_knowledge_go_by_number_and_by_day() -> None:
    """Positions are in the order of numbers, not of their digits; days of publication in the order of days."""
    cells = [cell(("2025-01-01", None), (known, after)) for known, after in ((9, 10), (10, 100), (100, None))]
    assert [row.known for row in rectangles.picture("restriction", cells, YEAR, {}).rows] == [9, 10, 100]
    days = ["2024-12-31", "2025-01-02"]
    cells = [cell(("2025-01-01", None), (days[0], days[1])), cell(("2025-01-01", None), (days[1], None))]
    assert [row.label for row in rectangles.picture("restriction", cells, YEAR, {}).rows] == [
        "31 Dec 2024",
        "2 Jan 2025",
    ]


def test_a_thousand_rectangles_stay_within_a_picture() -> None:
    """With many K rows get lower, and only as many are labelled as have room."""
    cells = [cell(("2025-01-01", None), (known, known + 1)) for known in range(1000)]
    drawn = rectangles.picture("restriction", cells, YEAR, {})
    assert drawn.height < 2100
    labelled = [row.y for row in drawn.rows if row.label]
    assert len(labelled) > 50
    assert all(lower - upper >= 13 for lower, upper in pairwise(labelled))


def test_notes_say_what_was_learnt_and_mark_corrections() -> None:
    """At a position it is the event; by publication, all that a day brought, by the earliest report of each."""
    events: list[dict[str, Any]] = [
        {
            "position": 4,
            "type": "restriction.imposed",
            "reports": [{"published": "2025-02"}, {"published": "2025-03-01"}],
        },
        {"position": 5, "type": "record.corrected", "reports": [{"published": "2025-02-28"}]},
        {"position": 6, "type": "record.retracted", "reports": []},
    ]
    assert story.notes(events, published=False)[5] == rectangles.Note("corrected", "corrected")
    assert story.notes(events, published=True) == {"2025-02-28": rectangles.Note("imposed, corrected", "corrected")}


def test_the_rate_is_drawn_in_proportion() -> None:
    """A rate stands at its height from 0; what is not known is a band; the own rate is a line where less is charged."""
    found = [
        steps.Step(START, START + 100, 0, 10),
        steps.Step(START + 100, START + 200, 20, 20),
        steps.Step(START + 200, START + 300, 10, 20),
        steps.Step(START + 300, None, None, 20),
    ]
    drawn = steps.chart(found, YEAR).drawn
    none, full, half = [
        float(y) for y in re.findall(r'<line class="step" x1="[^"]*" x2="[^"]*" y1="([\d.]+)" y2="\1"', drawn)
    ]
    assert none - full == pytest.approx(2 * (none - half), abs=0.2)
    assert 'class="unknown" x="75%"' in drawn
    assert len(re.findall('class="own"', drawn)) == 3
    assert [text for _, text in steps.chart(found, YEAR).marks] == ["0%", "5%", "10%", "15%", "20%"]


def test_equal_neighbours_are_one_value() -> None:
    """A term that stays the same over several states is one box, and a term that is gone leaves a gap."""
    days = ("2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01", None)
    terms: list[dict[str, Any]] = [{"against": ["CN"]}, {"against": ["CN"]}, {}, {"against": ["CN"]}]
    standing = [{"valid_from": days[at], "valid_to": days[at + 1], "state": each} for at, each in enumerate(terms)]
    found = story.values(standing, "against")
    assert [(each.first, each.value) for each in found] == [
        (parse("2025-01-01").lo, ["CN"]), (parse("2025-03-01").lo, None), (parse("2025-04-01").lo, ["CN"]),
    ]  # fmt: skip
