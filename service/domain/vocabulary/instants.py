"""Instants of recording: microseconds since 1970 UTC inside, RFC 3339 outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
"""Microseconds of a day."""


@lru_cache(maxsize=4_096)
def text(instant: int) -> str:
    """Write as RFC 3339 in UTC with microseconds, always 27 characters."""
    moment = EPOCH + timedelta(microseconds=instant)  # strftime writes the year 1 as 1, not as 0001
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse(written: str) -> int:
    """Read RFC 3339 with an offset; ValueError for anything else."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        msg = "the offset is missing"
        raise ValueError(msg)
    return (moment - EPOCH) // timedelta(microseconds=1)


def day(instant: int) -> int:
    """Return the civil date in UTC, as an ordinal."""
    return (EPOCH + timedelta(microseconds=instant)).toordinal()


def ended_day(instant: int) -> int:
    """Return the last civil date in UTC that has ended by an instant, as an ordinal; its last microsecond ends it."""
    return EPOCH.toordinal() + (instant + 1) // DAY - 1
