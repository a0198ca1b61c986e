"""Dates and whether they can be the same day, against the sets of their days."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.vocabulary.dates import all_overlap, day_after, iso, parse

BASE = date(2020, 1, 1).toordinal()


def days(text: str) -> set[int]:
    when = parse(text)
    return {when.lo, when.hi} if when.pair else set(range(when.lo, when.hi + 1))


@st.composite
def texts(draw: st.DrawFn) -> str:
    first, last = sorted(draw(st.lists(st.integers(BASE, BASE + 8), min_size=2, max_size=2, unique=True)))
    return draw(st.sampled_from([iso(first), f"[{iso(first)}..{iso(last)}]", f"[{iso(first)},{iso(last)}]"]))


@pytest.mark.row(14)
@given(st.sets(texts(), max_size=6))
def test_dates_overlap_when_each_two_have_a_day_in_common(dates: set[str]) -> None:
    each_two = all(days(one) & days(other) for one, other in combinations(dates, 2))
    assert all_overlap([parse(text) for text in dates]) == each_two


@pytest.mark.parametrize(
    ("through", "end"),
    [
        ("2025", "2026-01-01"),
        ("2025-08", "2025-09-01"),
        ("2024-02", "2024-03-01"),
        ("2025-08-06", "2025-08-07"),
        ("[2025-08-01..2025-08-05]", "[2025-08-02..2025-08-06]"),
        ("[2025-12-30,2025-12-31]", "[2025-12-31,2026-01-01]"),
        ("[..2025-08-06]", "[..2025-08-07]"),
        ("9999-12-30", "9999-12-31"),
        ("9999-12-31", None),
        ("9999", None),
        ("[2025-08-01..9999-12-31]", None),
    ],
)
def test_the_end_of_what_holds_through_a_date_is_the_day_after(through: str, end: str | None) -> None:
    """Year, month and day precision end on one day; brackets move by a day; the last day of all has no day after."""
    found = day_after(parse(through))
    assert (found.text if found else None) == end
    if found is not None:
        last = parse(through)
        assert found.hi == last.hi + 1
        assert found.lo == (last.lo + 1 if through.startswith("[") else found.hi)
