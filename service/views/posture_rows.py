"""The rows of the postures of issues, and of their days of publication: both follow from what shifts their tallies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.domain.rule.tally import Days, Shift, Tally
    from service.storage.database import Row
    from service.views.dated_rows import DatedRows


def published(tally: Tally, days: Days, position: int) -> list[Row]:
    """Let a tally have the days of what shifts it at a position; return the row that notes them, if there is one."""
    before, tally.published = tally.published, max(tally.published, days.latest)
    noted = days.latest > before or days.earliest < before
    return [(tally.number, tally.published, position, days.earliest)] if noted else []


def turn(tally: Tally, shifted: Iterable[Shift], position: int, postures: DatedRows) -> None:
    """Shift a tally, as known from a position on, and write what becomes of the postures."""
    for day, posture in tally.add(shifted):
        if posture is None:
            postures.close(tally.number, day, position)
        else:
            postures.open(tally.number, day, position, *posture)
