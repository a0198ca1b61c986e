"""The member `not_compared`: how many measures could not be compared with what is asked about, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlencode

from msgspec import Meta

from service.api.http.asof import known_clocks
from service.api.http.requests import encode, parameters_of
from service.domain.vocabulary import dates

if TYPE_CHECKING:
    from service.api.http.asof import AsOfRequest, K
    from service.views.asof.beside import Uncompared
    from service.views.asof.question import Basis, ScopeFilter

Compared = Annotated[
    Literal["no"],
    Meta(
        description="`no`: in place of the items on the good that is asked about, the measures of the same partners "
        "that do not say all their goods in that way: those that `not_compared` counts."
    ),
]


def counts_uncompared(wanted: ScopeFilter) -> bool:
    """Return whether an answer says how many measures could not be compared: a good is asked about."""
    return not wanted.uncompared and any(clause.unsaid for clause in wanted.clauses)


def uncompared_member(asked: AsOfRequest[K], basis: Basis, found: Uncompared) -> bytes:
    """Return the member as JSON: the count, whether there are more, and the frozen URL that lists them."""
    clocks = {"as_of": dates.iso(basis.as_of), **known_clocks(basis)}
    left_out = {"cursor", "limit", "known_at", "known_basis", *clocks}
    given = [(name, value) for name, value in parameters_of(asked.request) if name not in left_out]
    path = asked.request.scope["path"]
    link = f"{path}?{urlencode([*given, ('compared', 'no'), *clocks.items()])}"
    count = len(found.items)
    return b'"not_compared":%s' % encode({"count": count, "more": found.more, "link": link if count else None})
