"""Days, instants and positions as a query writes them: their patterns, and how each is read."""

from __future__ import annotations

from datetime import date

from service.domain.vocabulary import instants
from service.eventlog.log import Place

POSITION_MAX = 2**53 - 1
"""The largest integer that every reader of JSON keeps exact (RFC 7493, section 2.2)."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = rf"{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,9}})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DAY = rf"^{_DAY}\Z"
INSTANT = rf"^{_INSTANT}\Z"
DAY_OR_INSTANT = rf"^({_DAY}|{_INSTANT})\Z"
PLACE = rf"^[0-9]{{1,16}}(@{_INSTANT})?\Z"
MOMENT = rf"^([0-9]{{1,16}}|{_DAY}|{_INSTANT})\Z"


def ordinal(day: str) -> int:
    """Return a day as an ordinal; raises ValueError when there is no such day."""
    return date.fromisoformat(day).toordinal()


def micros(moment: str) -> int:
    """Return an instant, or the last microsecond of a day, in microseconds since 1970 UTC; raises ValueError."""
    if "T" not in moment:
        return instants.parse(f"{moment}T23:59:59.999999+00:00")
    instant = instants.parse(moment)
    try:
        instants.day(instant)
    except OverflowError as error:
        msg = "in UTC it is not within the years 1 to 9999"
        raise ValueError(msg) from error
    return instant


def begun(moment: str) -> int:
    """Return an instant, or the first one of a day, in microseconds since 1970 UTC; raises ValueError."""
    return micros(moment if "T" in moment else f"{moment}T00:00:00Z")


def position_or_micros(written: str) -> int:
    """Return a position, or an instant in microseconds since 1970 UTC; raises ValueError when there is none."""
    if not written.isdecimal():
        return micros(written)
    if int(written) > POSITION_MAX:
        msg = f"a position is at most {POSITION_MAX}"
        raise ValueError(msg)
    return int(written)


def place(written: str) -> Place:
    """Return a position, alone or with the instant at which its event was recorded; raises ValueError for none."""
    position, _, instant = written.partition("@")
    return Place(position_or_micros(position), micros(instant) if instant else None)


def ended_day(moment: str) -> int:
    """Return the last day that has ended in UTC by a day or an instant, as an ordinal; 0 for none."""
    return instants.ended_day(micros(moment))


READERS = {DAY: ordinal, INSTANT: micros, DAY_OR_INSTANT: micros, MOMENT: position_or_micros, PLACE: place}
"""By pattern: a text that has the form of a day or an instant must also exist."""
