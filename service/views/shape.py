"""The shape of the projections: a number that the ledger keeps, so that older ones are remade and never misread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from service.storage.database import Database

SHAPE: Final = 15
"""Raise it with every change of what the projections hold: a token, a member of a state, the rule itself.

`tests/views/test_shape.py` fails when the rows have changed and this number has not.
"""


async def is_current(database: Database) -> bool:
    """Return whether the projections have the shape that this version reads and writes."""
    ((stored,),) = await database.fetch("SELECT shape FROM ledger WHERE id = 1")
    return bool(stored == SHAPE)
