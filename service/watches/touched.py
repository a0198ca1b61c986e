"""Which questions some events touch: by their own tokens, and by the items that others refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.feed.recent import Live
    from service.watches.reach import Index
    from service.watches.store import WatchStore

REFERENCES = ("restriction:{}", "about:{}")
"""The tokens of items that refer to another, whose name takes the place of `{}`."""
_ITEM = "item:"


async def touched_by(lives: Sequence[Live], index: Index, store: WatchStore) -> dict[int, set[str]]:
    """Return the names of the questions whose answers each commit may have changed, by the end of the commit.

    The end is a position. A commit that touches nothing is left out. The database is read only if something is touched,
    or an event may be about an item that others refer to.
    """
    touched: dict[int, set[str]] = {}
    referred: list[tuple[int, frozenset[str]]] = []
    for live in lives:
        tokens = frozenset(live.tokens.split("\n"))
        if names := index.touched(tokens):
            touched.setdefault(live.stored.recorded_at, set()).update(names)
        if index.may_refer(tokens):
            referred.append((live.stored.recorded_at, tokens))
    for at, tokens in await _referred_to(referred, store):
        touched.setdefault(at, set()).update(index.referring(tokens))
    ends = await store.ends([*touched]) if touched else {}
    return {ends.get(at, lives[-1].stored.position): touched[at] for at in sorted(touched)}


async def _referred_to(
    events: Sequence[tuple[int, frozenset[str]]], store: WatchStore
) -> list[tuple[int, frozenset[str]]]:
    """Return those of some events that are about items that others refer to."""
    names = [_names_of(tokens) for _, tokens in events]
    wanted = frozenset().union(*names)
    found = await store.referred_to(sorted(wanted)) if wanted else set()
    return [event for event, referring in zip(events, names, strict=True) if not found.isdisjoint(referring)]


def _names_of(tokens: Iterable[str]) -> frozenset[str]:
    """Return the tokens of items that refer to one that an event is about."""
    items = [each.removeprefix(_ITEM) for each in tokens if each.startswith(_ITEM)]
    return frozenset([each.format(item) for item in items for each in REFERENCES])
