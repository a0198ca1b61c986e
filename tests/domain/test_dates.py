"""Dates and whether they can be the same day, against the sets of their days."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.vocabulary.dates import all_overlap, iso, parse

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
