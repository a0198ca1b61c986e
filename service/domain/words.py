"""Words in the texts of a state: what `q` finds (docs/semantics.md, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.events import FACTS
from service.domain.lifecycle import KINDS
from service.domain.terms import term_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TERMS = {
    kind: tuple(
        dict.fromkeys(term for name, fact in FACTS.items() if name.startswith(f"{kind}.") for term in term_names(fact))
    )
    for kind in KINDS
}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def of(text: str) -> tuple[str, ...]:
    """Split what is asked for into words, in any case; () where there are none."""
    return tuple(dict.fromkeys(text.casefold().split()))


def stand_in(kind: str, state: bytes, words: Iterable[str]) -> bool:
    """Tell whether each word occurs, in any case, in the name of an item or in a text of its terms."""
    held = _decode(state)
    texts = "\n".join([held["id"], *_texts([held.get(term) for term in _TERMS[kind]])]).casefold()
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
