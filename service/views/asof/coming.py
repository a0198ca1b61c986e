"""The changes to come after the day of a state.

The first of them are read with the state, as many as it shows. Where there are more, they are counted apart: most
items never have so many, and one with a long history has thousands after an early day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.read_state import coming_of, with_coming
from service.domain.rule.state import UPCOMING_MAX
from service.views.asof.known import known_by

if TYPE_CHECKING:
    from service.storage.database import Database, Dialect
    from service.views.asof.question import Basis

# Not `arrivals <> ''`: with that PostgreSQL takes the index of all changes by day, and reads every one after the day.
_FIRST = """(SELECT {joined} FROM (SELECT w.arrivals FROM version w
    WHERE w.item = {item} AND w.valid_from > {day} AND {known} AND length(w.arrivals) > 0
    ORDER BY w.valid_from LIMIT {most}) later)"""
_COUNTED = """SELECT count(*) FROM version w
WHERE w.item = $1 AND w.valid_from > $2 AND {known} AND length(w.arrivals) > 0"""
_ALL = 2**31
"""More changes than an item has."""


def first_changes(dialect: Dialect, item: str, day: str, known: str, most: int = UPCOMING_MAX + 1) -> str:
    """Return the expression for the first changes after a day, for `with_changes`: one more than are shown."""
    joined = dialect.joined.format("later.arrivals")
    return _FIRST.format(joined=joined, item=item, day=day, known=known, most=most)


async def with_changes(database: Database, basis: Basis, item: int, status: str, body: bytes, first: str) -> bytes:
    """Put the changes to come after a day into a state, of which the first are given.

    Raises ValueError as `with_coming` does.
    """
    coming = coming_of(status, first)
    if coming.number > UPCOMING_MAX:
        dialect = database.dialect
        asked = [item, basis.as_of, basis.position, *(() if basis.published is None else (basis.published,))]
        known = known_by(dialect.number.format("$3"), None if basis.published is None else "$4")
        if coming.following is None:
            every = f"SELECT {first_changes(dialect, '$1', '$2', known, _ALL)}"
            ((texts,),) = await database.fetch_long(every, *asked)
            coming = coming_of(status, texts)
        else:
            ((number,),) = await database.fetch_long(_COUNTED.format(known=known), *asked)
            coming = coming._replace(number=number)
    return with_coming(body, coming)
