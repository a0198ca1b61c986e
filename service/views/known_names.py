"""Names that items may have: an item of any other name is surely new, and the database need not be asked about it.

A Bloom filter: it forgets nothing, and takes some names for known that are not. These are asked about, as all are until
it has the names of the ledger.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from service.storage.database import Lost, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.storage.database import Source

BITS = 2**24
"""Two MiB: of a million names one in two hundred that are new counts as known, of ten million nine in ten."""
_MASK = BITS - 1
_SHIFTS = (0, 20, 40)
"""The bits of the hash of a name that are left out before each of its three places."""
PAGE = 5_000
_NAMES = "SELECT number, slug FROM item WHERE number > $1 ORDER BY number LIMIT $2"


class KnownNames:
    """A filter that every recorded name passes, once it `is_whole`."""

    def __init__(self) -> None:
        """Begin with none."""
        self._bits = bytearray(BITS // 8)
        self.is_whole = False

    async def learn(self, source: Source) -> None:
        """Take the names that the items of a ledger have; those recorded during that have to be added."""
        with suppress(Lost):  # then all are asked about
            async for rows in pages(source, _NAMES, 0, PAGE):
                for _, name in rows:
                    self.add(name)
            self.is_whole = True

    def add(self, name: str) -> None:
        """Take a name that an item has."""
        for place in _places(name):
            self._bits[place >> 3] |= 1 << (place & 7)

    def is_new(self, name: str) -> bool:
        """Return whether surely no item has a name."""
        bits = self._bits
        return self.is_whole and not all([bits[place >> 3] >> (place & 7) & 1 for place in _places(name)])


def _places(name: str) -> Iterator[int]:
    number = hash(name)
    return (number >> shift & _MASK for shift in _SHIFTS)
