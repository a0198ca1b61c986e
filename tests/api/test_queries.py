"""Query strings: documented parameters are read, everything else is refused with every fault by parameter."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from service.api.http.moments import POSITION_MAX, micros, ordinal
from service.api.http.parameters import AsOfPageQuery, AsOfQuery, Day, Instant
from service.api.http.query_strings import BadQuery, Query, read


class Diff(Query, frozen=True, kw_only=True):
    """Parameters of many kinds, one of them required and named by a Python keyword."""

    from_: Day = msgspec.field(name="from")
    to: Instant | None = None
    q: str | None = None
    count: Annotated[int, Meta(ge=1, le=5)] | None = None
    include: Literal["ended"] | None = None


def refused(raw: bytes, shape: type[Query] = AsOfPageQuery) -> dict[str, str]:
    with pytest.raises(BadQuery) as caught:
        read(raw, shape)
    return {str(fault.path[0]): fault.detail for fault in caught.value.faults}


def test_an_empty_query_gives_the_defaults() -> None:
    """Without parameters every one has its default."""
    assert read(b"", AsOfPageQuery) == AsOfPageQuery()
    assert (AsOfPageQuery().limit, AsOfPageQuery().known_basis) == (50, "recorded")


def test_parameters_are_read_by_their_types() -> None:
    """Text is percent-decoded, integers become integers, empty pairs are skipped."""
    found = read(b"from=2025-04-04&&q=rare+earths%3A%20%C3%BC&count=5&include=ended&", Diff)
    assert found == Diff(from_="2025-04-04", q="rare earths: ü", count=5, include="ended")


def test_a_text_may_be_empty() -> None:
    """An empty value is a value where the type is text."""
    assert read(b"from=2025-04-04&q=", Diff).q == ""


def test_every_fault_is_named_by_parameter() -> None:
    """Unknown, repeated, wrong and missing parameters are listed together."""
    found = refused(b"count=6&colour=red&q=a&q=b&to=tomorrow&include=all", Diff)
    assert set(found) == {"from", "to", "q", "count", "include", "colour"}
    assert found["q"] == "given more than once"
    assert found["count"] == "must be at most 5, not 6"
    assert "from, to, q, count, include" in found["colour"]


@pytest.mark.parametrize(
    "written", ["", "-1", "+1", "1.0", "1e2", "0x10", " 1", "1_000", "٣", "null", "9" * 400, "1001", "0"]
)
def test_an_integer_is_written_in_plain_digits_and_within_bounds(written: str) -> None:
    """No sign, no blank, no other digits, no other number than the documented ones."""
    assert set(refused(urlencode({"limit": written}).encode())) == {"limit"}


@pytest.mark.parametrize("raw", [b"as_of=%zz", b"as_of=%2", b"as_of=%", b"as_of=%ff", b"as_of=\xff", b"as_of=2025%00"])
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    """Bad percent-encoding, bytes that are not UTF-8, and NUL are faults of their parameter."""
    assert set(refused(raw)) == {"as_of"}


def test_a_name_that_is_no_text_is_a_fault() -> None:
    """A fault in the name of a parameter is listed under the name as it was sent."""
    assert set(refused(b"a%ff=1&b%zz=2")) == {"a%ff", "b%zz"}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "null",
        "2025",
        "2025-04",
        "20250404",
        "2025-W14-5",
        "2025-4-4",
        "2025-02-30",
        "2025-04-04\n",
        "today",
        "٢٠٢٥-٠٤-٠٤",
    ],
)
def test_a_day_has_one_form_and_exists(written: str) -> None:
    """A day is YYYY-MM-DD and on the calendar."""
    assert set(refused(urlencode({"as_of": written}).encode())) == {"as_of"}


@pytest.mark.parametrize(
    "written",
    [
        "2025-06-10",
        "2025-06-10T12:00:00",
        "2025-06-10 12:00:00Z",
        "2025-06-10T12:00Z",
        "2025-06-10T12:00:00z",
        "2025-06-10T12:00:00+0200",
        "2025-06-10T24:00:00Z",
        "2025-06-10T12:00:60Z",
        "2025-06-31T12:00:00Z",
        "20250610T120000Z",
        "1749556800",
        "0.5",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
    ],
)
def test_an_instant_is_rfc_3339_with_its_offset_and_exists(written: str) -> None:
    """Only a full date-time with an offset, of the years 1 to 9999 in UTC, is an instant."""
    assert set(refused(urlencode({"from": "2025-01-01", "to": written}).encode(), Diff)) == {"to"}


def test_a_plus_that_became_a_space_is_explained() -> None:
    """A + in a query means a space; the fault says what to write for a +."""
    assert "%2B" in refused(b"known_at=2025-06-10T12:00:00+02:00")["known_at"]
    read_again = read(b"known_at=2025-06-10T12:00:00%2B02:00", AsOfQuery)
    assert micros(read_again.known_at or "") == int(datetime(2025, 6, 10, 10, tzinfo=UTC).timestamp()) * 1_000_000


def test_faults_of_different_sorts_are_listed_together() -> None:
    """A day that does not exist is listed together with values of a wrong form."""
    assert set(refused(b"as_of=2025-02-30&known_at=never&limit=x")) == {"as_of", "known_at", "limit"}


@pytest.mark.parametrize(
    ("raw", "faulty"),
    [
        (b"known_at=2025-06-10T00:00:00Z", set()),
        (b"known_position=0", set()),
        (b"known_at=2025-06-10T00:00:00Z&known_position=3", set()),
        (b"known_at=2025-06-10", {"known_at"}),
        (b"known_at=2025-06-10&known_position=3", {"known_at"}),
        (b"known_basis=published", set()),
        (b"known_basis=published&known_at=2025-06-10", set()),
        (b"known_basis=published&known_at=2025-06-10T00:00:00Z&known_position=3", set()),
        (b"known_basis=published&known_position=3", set()),
        (b"known_basis=published&known_at=2025-06-31", {"known_at"}),
        (b"known_basis=published&known_at=0001-01-01", set()),
        (b"known_basis=published&known_at=0001-01-01T23:59:59Z", {"known_at"}),
        (b"known_at=0001-01-01T23:59:59Z", set()),
        (b"known_basis=guessed", {"known_basis"}),
        (b"known_basis=", {"known_basis"}),
    ],
)
def test_the_second_clock_is_given_in_one_of_two_ways(raw: bytes, faulty: set[str]) -> None:
    """K as recorded is an instant or a position; as published it may be a day too, and a position caps it."""
    if faulty:
        assert set(refused(raw, AsOfQuery)) == faulty
    else:
        read(raw, AsOfQuery)


def test_the_clocks_are_given_as_numbers() -> None:
    """D is read as an ordinal, K in microseconds; a day of K is read as its last microsecond in UTC.

    As published, an instant counts the days that have ended: its own day only at the last microsecond of it.
    """
    asked = read(b"as_of=2025-04-04&known_basis=published&known_at=2025-06-10", AsOfQuery)
    end = datetime(2025, 6, 11, tzinfo=UTC)
    assert ordinal(asked.as_of or "") == date(2025, 4, 4).toordinal()
    assert micros(asked.known_at or "") == int(end.timestamp()) * 1_000_000 - 1
    assert asked.known_day() == date(2025, 6, 10).toordinal()
    for moment, day in (
        ("T00:00:00Z", 9),
        ("T23:59:59.999998Z", 9),
        ("T23:59:59.999999Z", 10),
        ("T22:00:00-02:00", 10),
    ):
        asked = read(b"known_basis=published&known_at=2025-06-10" + moment.encode(), AsOfQuery)
        assert asked.known_day() == date(2025, 6, day).toordinal(), moment
    assert read(b"known_basis=published&known_at=9999-12-31", AsOfQuery).known_day() == date.max.toordinal()
    assert (AsOfQuery().as_of, AsOfQuery().known_at, AsOfQuery().known_day()) == (None, None, None)


@given(st.dates(), st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-840, 840))  # noqa: DTZ001
def test_every_day_and_instant_that_exists_is_read(day: date, moment: datetime, offset: int) -> None:
    """Whatever day and instant Python writes in the documented form are read back as the same."""
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    asked = read(urlencode({"from": day.isoformat(), "to": there.isoformat()}).encode(), Diff)
    assert ordinal(asked.from_) == day.toordinal()
    assert micros(asked.to or "") == (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(st.integers(0, POSITION_MAX), st.integers(1, 1000))
def test_every_number_within_bounds_is_read(position: int, limit: int) -> None:
    """Positions and limits are read up to their bounds."""
    asked = read(f"known_position={position}&limit={limit}".encode(), AsOfPageQuery)
    assert (asked.known_position, asked.limit) == (position, limit)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    """Whatever bytes follow the question mark, they are read or refused."""
    with contextlib.suppress(BadQuery):
        read(raw, AsOfPageQuery)
