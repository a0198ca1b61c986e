"""What goods are found by (docs/decisions/0030): each good by its codes, its name, the words of it, its element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.vocabulary.codes import HS_SIZES
from service.domain.vocabulary.elements import element_named, group_named
from service.domain.vocabulary.words import normalized, stems_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.vocabulary.events.base import Good


def tokens_of_good(good: Good) -> tuple[str, ...]:
    """List the tokens of a good that an item is about.

    `hs:` and `eccn:` have the code and all that it lies in, `hs-exactly:` and `eccn-exactly:` the code alone.
    `uncoded:` names the sort of code that the good lacks.
    """
    found = [f"good:{normalized(good.name)}", *[f"good-word:{stem}" for stem in stems_in(good.name)]]
    if good.element:
        found.append(f"good:{normalized(good.element)}")
    if good.eccn:
        eccn = normalized(good.eccn)
        found += [f"good:{eccn}", *[f"eccn:{part}" for part in eccn_parts(eccn)], f"eccn-exactly:{eccn}"]
    else:
        found.append("uncoded:eccn")
    if good.hs:
        found += [f"hs:{part}" for part in hs_parts(good.hs)]
        found.append(f"hs-exactly:{good.hs}")
    else:
        found.append("uncoded:hs")
    return (*found, *_elements(good, ""))


def tokens_of_excepted(good: Good) -> tuple[str, ...]:
    """List the tokens of a good that a measure is not on; none of them is one that a good is found by."""
    found = [f"except-good:{phrase(good.name)}"]
    if good.eccn:
        found.append(f"except-eccn:{normalized(good.eccn)}")
    if good.hs:
        found.append(f"except-hs:{good.hs}")
    return (*found, *_elements(good, "except-"))


def _elements(good: Good, prefix: str) -> Iterator[str]:
    if element := good.element or element_named(good.name):
        yield f"{prefix}element:{element}"
    if group := group_named(good.name):
        yield f"{prefix}element-group:{group}"


def phrase(name: str) -> str:
    """Return the words of a name in one order: equal for names of the same words, singular or plural."""
    return " ".join(sorted(stems_in(name)))


def hs_parts(code: str) -> list[str]:
    """List what an HS code lies in, and itself: 720851 lies in 72 and 7208."""
    return [code[:size] for size in HS_SIZES if size <= len(code)]


def eccn_parts(code: str) -> list[str]:
    """List what an ECCN lies in, and itself: 3a090.a.1 lies in 3a090 and 3a090.a."""
    names = code.split(".")
    return [".".join(names[:size]) for size in range(1, len(names) + 1)]
