"""Words in the texts of a state: what `q` finds (docs/semantics.md, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.vocabulary.terms import terms_of_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a search text, casefolded, each once; () where there are none."""
    return tuple(dict.fromkeys(text.casefold().split()))


def occur_in(kind: str, state: bytes, words: Iterable[str]) -> bool:
    """Return whether each word occurs, in any case, in the name of an item or in a text of its terms."""
    members = _decode(state)
    texts = "\n".join([members["id"], *_texts([members.get(term) for term in terms_of_kind(kind)])]).casefold()
    return all(word in texts for word in words)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            yield from _texts([*value.values()])
        case _:
            pass
