"""A memory of answers of status 200, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

KEPT_MAX = 64 * 1024 * 1024
"""Bytes of answers that are kept, the least used let go first."""
ANSWER_MAX = 1024 * 1024
"""Bytes that an answer may have to be kept."""
OVERHEAD = 1_000
"""Bytes that an answer takes besides its body and its query, about."""

Key = tuple[str, bytes, str]
"""The path, the query string as sent, and the entity tag."""


class Answer(NamedTuple):
    """An answer of status 200."""

    body: bytes
    headers: dict[str, str]


class Answers:
    """The answers of one service."""

    def __init__(self) -> None:
        """Begin empty."""
        self._held: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Answer | None:
        """Give an answer."""
        answer = self._held.get(key)
        if answer is not None:
            self._held.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer."""
        if len(answer.body) > ANSWER_MAX or key in self._held:
            return
        self._held[key] = answer
        self._bytes += _size(key, answer)
        while self._bytes > KEPT_MAX:
            self._bytes -= _size(*self._held.popitem(last=False))


def _size(key: Key, answer: Answer) -> int:
    return len(answer.body) + len(key[1]) + OVERHEAD
