"""Names as they are compared: whole, and by their words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_KEPT = ("ss", "us", "is")
"""Endings of words that are no plurals."""
_BEFORE_E = tuple("sxzoivf")
"""Letters after which an `e` at the end comes and goes with the plural: boxes, batteries, knives."""
_SHORT = 3
"""Letters of words that have no ending taken off."""


def normalized(text: str) -> str:
    """Return a name as it is compared: case and line breaks do not matter."""
    return " ".join(text.casefold().split())


@lru_cache(maxsize=4_096)
def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a name, each once: what is between spaces and marks, in any case and without accents.

    Where words are written without spaces (Chinese, Japanese) each character is one.
    """
    folded = text.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = unicodedata.normalize("NFKC", "".join(each for each in apart if not unicodedata.combining(each)))
    return tuple(dict.fromkeys(_WORD.findall(folded)))


def stems_in(text: str) -> tuple[str, ...]:
    """Return the words of a name of a good, each once, with singular and plural alike."""
    return tuple(dict.fromkeys([stem(word) for word in words_in(text)]))


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Return what the singular and the plural of an English noun have in common, as far as spelling shows it.

    `battery` and `batteries`, `gas` and `gases`, `knife` and `knives`, `lens` and `lenses` each have one stem.
    """
    if not (word.isascii() and word.isalpha()):
        return word
    word = _without_s(word)
    if len(word) > _SHORT and word[-1] == "e" and word[:-1].endswith((*_BEFORE_E, "ch", "sh")):
        word = _without_s(word[:-1])
    if word[-1] == "y":
        return word[:-1] + "i"
    return word[:-1] + "v" if word[-1] == "f" and not word.endswith("ff") else word


def _without_s(word: str) -> str:
    return word[:-1] if len(word) > _SHORT and word[-1] == "s" and not word.endswith(_KEPT) else word
