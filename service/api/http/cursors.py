"""Cursors: where the next page of a list begins, and the list that they were made for. Opaque to clients."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta

from service.api.http.moments import POSITION_MAX
from service.api.http.query_strings import BadQuery
from service.api.http.requests import AnyRequest, encode, parameters_of, services_of
from service.domain.errors import Fault
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import SLUG_MAX
from service.views.asof.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.views.asof.question import Basis

_NOT_FILTERS = {
    "as_of", "cursor", "known_at", "known_basis", "known_from", "known_position", "known_to", "limit", "to",
}  # fmt: skip

_NEXT = b'"next":"'

C = TypeVar("C", bound=msgspec.Struct)


class AsOfCursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in a list as of (D, K): an item number or position, and the D and K of the first page.

    `recorded_at` is the instant of K, by which its commit is known again. `within` is the second half of the place,
    where one number is not enough; `key` is what the item is sorted by, in a list with `sort`.
    """

    after: Annotated[int, Meta(ge=0, le=POSITION_MAX)]
    position: Annotated[int, Meta(ge=0, le=POSITION_MAX)]
    recorded_at: int
    as_of: Annotated[int, Meta(ge=dates.OPEN, lt=dates.FOREVER)]
    made_for: str
    within: Annotated[int, Meta(ge=0, le=POSITION_MAX)] = 0
    published: Annotated[int, Meta(ge=dates.OPEN, lt=dates.FOREVER)] | None = None
    key: Annotated[str, Meta(max_length=SLUG_MAX)] = ""

    @property
    def question(self) -> Question:
        """Return the D and K of the first page."""
        return Question(self.as_of, self.position, published=self.published)


class NumberCursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in a list without D and K: a number."""

    after: Annotated[int, Meta(ge=0, le=POSITION_MAX)]
    made_for: str


class _NameCursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in a list by name."""

    after: Annotated[str, Meta(min_length=1)]
    made_for: str


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Its name."""


N = TypeVar("N", bound=Named)


def read_cursor(request: AnyRequest, cursor: str, shape: type[C]) -> C:
    """Read a cursor; raises BadQuery when it was not made for this list."""
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=shape)
    except ValueError:  # of which base64's and msgspec's errors are kinds
        raise foreign_cursor() from None
    if getattr(found, "made_for", None) != list_digest(request):
        raise foreign_cursor()
    return found


def foreign_cursor() -> BadQuery:
    """Return the refusal of a cursor of another list."""
    return BadQuery([Fault(("cursor",), "not a cursor of this list of this ledger, with these filters and clocks")])


def check_history(cursor: AsOfCursor | None, basis: Basis) -> None:
    """Refuse a cursor from before the log was set back: another commit, or none, is at its K now."""
    if cursor is not None and cursor.recorded_at != basis.recorded_at:
        raise foreign_cursor()


def write_cursor(cursor: msgspec.Struct) -> str:
    """Return a cursor as clients get it."""
    return base64.urlsafe_b64encode(encode(cursor)).decode()


def name_of(request: AnyRequest, cursor: str | None) -> str:
    """Return the name after which a page of a list by name begins; "" for the first page."""
    return read_cursor(request, cursor, _NameCursor).after if cursor else ""


def page_by_name(request: AnyRequest, found: Sequence[N], limit: int) -> tuple[Sequence[N], str | None]:
    """Return a page of a list by name and the cursor of the next; `found` has one more than the page if there is."""
    page = found[:limit]
    return page, write_cursor(_NameCursor(page[-1].name, list_digest(request))) if len(found) > limit else None


def next_member(request: AnyRequest, basis: Basis, after: int | None, within: int = 0, key: str = "") -> bytes:
    """Return the `next` member of a page as of (D, K): a cursor to continue after a place, null at the end."""
    if after is None:
        return b'"next":null'
    cursor = AsOfCursor(
        after, basis.position, basis.recorded_at, basis.as_of, list_digest(request), within, basis.published, key
    )
    return b'%s%s"' % (_NEXT, write_cursor(cursor).encode())


def next_cursor(members: bytes) -> str:
    """Return the cursor that `next_member` wrote among the members of an answer, as JSON; "" at the end of a list.

    No answer but a page has a member called `next`, and in texts quotes are escaped.
    """
    found = members.rfind(_NEXT)
    if found < 0:
        return ""
    start = found + len(_NEXT)
    return members[start : members.index(b'"', start)].decode()


def list_digest(request: AnyRequest) -> str:
    """Return a digest of the list that a request is about: its ledger, path and filters, whatever page, D and K."""
    given = sorted((name, value) for name, value in parameters_of(request) if name not in _NOT_FILTERS)
    ledger = str(services_of(request).heads.ledger)
    return hashlib.sha256(encode((request.scope["path"], given, ledger))).hexdigest()[:16]
