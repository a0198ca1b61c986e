"""The conditions on versions, as statements have them: which of them may answer at a K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.layout import OPEN_END

if TYPE_CHECKING:
    from service.views.asof.question import Mode

_OPEN = ("head", "newest")
"""The modes in which the open versions answer."""
_NOW = f"w.closed_at = {OPEN_END}"
_KNOWN = "{rows}.known_from <= {k} AND {rows}.closed_at > {k}"


def known_at(position: str, rows: str = "w") -> str:
    """Return the condition on versions, or on other rows that are closed, that may answer at a position."""
    return _KNOWN.format(k=position, rows=rows)


def known_by(position: str, day: str | None) -> str:
    """Return the same; `day`, if any, is the day of publication that counts up to the position.

    As published for an item that is in order (`OutOfOrderRow`).
    """
    if day is None:
        return known_at(position)
    return (
        f"w.published_on <= {day} AND w.known_from <= {position} AND (w.closed_on > {day} OR w.closed_at > {position})"
    )


def known_in(mode: Mode, day: str | None = None) -> str:
    """Return the condition on versions w that may answer; `day` is the parameter for a day of publication.

    As published, for an item that is in order (`OutOfOrderRow`).
    """
    if day is None:
        return _NOW if mode in _OPEN else known_at("b.k")
    return f"w.published_on <= {day} AND w.closed_on > {day}" if mode in _OPEN else known_by("b.k", day)
