"""The names in the JSON of a state, as it has them: tokens have lost their case."""

from __future__ import annotations

import msgspec

from service.domain.matching.clauses import ALL
from service.domain.vocabulary.words import normalized


class _NamedPart(msgspec.Struct):
    """The texts that a part of a state may be found by."""

    name: str
    also: list[str] = []
    eccn: str = ""
    residual: bool = False


class _Names(msgspec.Struct):
    """The parts of a state that have names."""

    goods: list[_NamedPart] = []
    entities: list[_NamedPart] = []
    beneficiaries: list[_NamedPart] = []


_names = msgspec.json.Decoder(_Names).decode


def as_written(body: bytes, what: str) -> str:
    """Return a name or a code as a state has it; as it is where the state has no body."""
    if what == ALL or not body:
        return what
    parts = _names(body)
    for part in (*parts.goods, *parts.entities, *parts.beneficiaries):
        for text in (part.name, *part.also, part.eccn):
            if normalized(text) == what:
                return text
    return what


def has_residual(body: bytes) -> bool:
    """Return whether a restriction is on all others as well as on the entities that it names."""
    return any(entity.residual for entity in _names(body).entities)
