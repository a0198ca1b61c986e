"""A memory of answers of status 200, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service.views.asof.question import Basis

MEMORY_MAX = 64 * 1024 * 1024
"""Bytes of answers that are kept, the least used dropped first."""
ANSWER_MAX = 1024 * 1024
"""Bytes that an answer may have to be kept."""
OVERHEAD = 1_000
"""Bytes that an answer takes in addition to its body, its compressed forms and its query, about."""

Key = tuple[str, bytes, str]
"""The path, the query string as sent, and the entity tag."""


class KeptAnswer(NamedTuple):
    """An answer of status 200."""

    body: bytes
    headers: dict[str, str]
    basis: Basis
    coded: dict[str, bytes]
    """Compressed forms by content coding, each a quarter of the body at most (outgoing.py)."""


class AnswerMemory:
    """The kept answers of one service."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: OrderedDict[Key, tuple[KeptAnswer, int]] = OrderedDict()
        self._bytes = 0

    def clear(self) -> None:
        """Forget all answers."""
        self._kept.clear()
        self._bytes = 0

    def get(self, key: Key) -> KeptAnswer | None:
        """Return a kept answer; None for one that is not kept."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def put(self, key: Key, answer: KeptAnswer) -> None:
        """Keep an answer."""
        if len(answer.body) > ANSWER_MAX or key in self._kept:
            return
        size = len(answer.body) * 3 // 2 + len(key[1]) + OVERHEAD
        self._kept[key] = answer, size
        self._bytes += size
        while self._bytes > MEMORY_MAX:
            _, (_, size) = self._kept.popitem(last=False)
            self._bytes -= size
