"""How the table of versions answers at (D, K), for all statements that ask it; `VersionRow` tells what rows mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.models import OPEN_END

if TYPE_CHECKING:
    from service.storage.database import Dialect

KNOWN_NOW = f"w.closed_at = {OPEN_END}"
"""The condition on versions w that may answer at the head."""
_KNOWN = "w.known_from <= {k} AND w.closed_at > {k}"
_STATE = """(SELECT w.state FROM version w WHERE w.item = {item} AND w.valid_from <= {day} AND {known}
    ORDER BY w.valid_from DESC, w.known_from DESC LIMIT 1)"""
_LATER = """(SELECT {joined} FROM (SELECT w.arrivals FROM version w
    WHERE w.item = {item} AND w.valid_from > {day} AND {known} AND w.arrivals <> '' ORDER BY w.valid_from) later)"""


def known_at(position: str) -> str:
    """Write the condition on versions w that may answer at a position."""
    return _KNOWN.format(k=position)


def state(item: str, day: str, known: str) -> str:
    """Write what finds the number of the state that answers on a day: one probe of the key, read backwards."""
    return _STATE.format(item=item, day=day, known=known)


def later(dialect: Dialect, item: str, day: str, known: str) -> str:
    """Write what gives the changes after a day, as `states.with_arrivals` takes them."""
    return _LATER.format(joined=dialect.joined.format("later.arrivals"), item=item, day=day, known=known)
