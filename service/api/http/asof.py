"""Operations as of (D, K): a query is decoded and placed once, then answered from memory, with 304, or by asking.

An as-of answer is a function of its URL and of its basis, and never changes. Its basis is its entity tag. So a kept
answer is found as soon as D and K are known: for a K that is given without any read of the database, for the newest
with one read of the head, which is shared by all who wait for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from litestar import Response

from service.api.http.answer_memory import KeptAnswer
from service.api.http.basis import basis_members, every_day_members
from service.api.http.conditions import not_modified
from service.api.http.cursors import AsOfCursor, check_history, foreign_cursor, next_member, read_cursor
from service.api.http.encodings import form_of
from service.api.http.exchange import note_basis
from service.api.http.frozen import etag, frozen, known_clocks, next_link, tag_of, timemap_link
from service.api.http.memento import sent_back
from service.api.http.moments import micros, ordinal
from service.api.http.outgoing import Kept
from service.api.http.parameters import AsOfQuery, KnownQuery
from service.api.http.query_strings import read
from service.api.http.requests import (
    JSON,
    AnyRequest,
    Handler,
    Services,
    field_of,
    json_answer,
    parameters_of,
    services_of,
)
from service.api.http.tables import CSV, table
from service.domain.errors import KnowledgeAhead
from service.domain.vocabulary import dates
from service.eventlog.head import head_of
from service.views.asof.basis import resolve
from service.views.asof.question import Basis, Question
from service.views.asof.touching import NOT_COMPARED_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from service.api.http.tables import Rows
    from service.storage.database import Database
    from service.views.asof.question import StatePage

_OWN_OF_A_PAGE = {"cursor", "limit", "as_of", "known_basis", "known_at", "known_position", "compared"}
"""Parameters that the link to what could not be compared does not take over."""

K = TypeVar("K", bound=KnownQuery)


@dataclass(frozen=True, slots=True)
class AsOfRequest(Generic[K]):
    """A request as of (D, K): its decoded query, its question, and the place that its page begins after.

    `after` is an item number or position, 0 for the first page.
    """

    request: AnyRequest
    services: Services
    database: Database
    query: K
    question: Question
    cursor: AsOfCursor | None
    after: int

    def page(
        self,
        basis: Basis,
        bodies: Iterable[bytes],
        after: int | None,
        within: int = 0,
        *,
        key: str = "",
        not_compared: StatePage | None = None,
    ) -> Answered:
        """Return a page: its items, and a cursor to continue after a place, None at the end.

        `key` is what the last item is sorted by, in a list with `sort`.
        `not_compared` are the measures that could not be compared, None where it was not asked. The answer links to
        them and says how many they are, null where their page was cut short before NOT_COMPARED_MAX.
        """
        # The day on which somebody asks is no part of an answer about every day.
        place = basis if isinstance(self.query, AsOfQuery) else basis._replace(as_of=dates.OPEN)
        members = b'"items":[%s],%s' % (b",".join(bodies), next_member(self.request, place, after, within, key))
        if not_compared is not None:
            size = len(not_compared.items)
            is_cut = not_compared.next is not None and size < NOT_COMPARED_MAX
            members += b',"not_compared":%s' % (b"null" if is_cut else b"%d" % size)
            if size or is_cut:
                given = [(name, value) for name, value in parameters_of(self.request) if name not in _OWN_OF_A_PAGE]
                clocks = {"as_of": dates.iso(basis.as_of), **known_clocks(basis), "compared": "no"}
                members += b',"not_compared_url":"%s?%s"' % (
                    quote(self.request.scope["path"]).encode(),
                    urlencode([*given, *clocks.items()]).encode(),
                )
        return Answered(members, basis)


class Answered(NamedTuple):
    """The members of an answer, as JSON without braces, and its basis."""

    members: bytes
    basis: Basis


def as_of(
    shape: type[K],
    perform: Callable[[AsOfRequest[K]], Awaitable[Answered]],
    columns: Sequence[str] = (),
    rows: Rows = itemgetter("items"),
    *,
    mapped: bool = False,
) -> Handler:
    """Make the handler of an operation as of (D, K), whose answers are kept; `shape` is its query.

    With `columns`, the answer has `next` and comes as a table as well; `rows` makes the lines of its JSON. With
    `mapped`, a TimeMap stands below its path.
    """
    varies = "Accept, Accept-Encoding" if columns else "Accept-Encoding"

    async def handle(request: AnyRequest) -> Response[bytes]:
        asked = await placed(request, shape)
        if (back := await sent_back(request, asked.query)) is not None:
            return back
        answers, path, sent = asked.services.answers, request.scope["path"], request.scope["query_string"]
        tag = await _tag(asked)
        edition = asked.services.heads.edition  # before the answer is made: it is of this edition or a newer one
        kept = None if tag is None else answers.get((path, sent, tag))
        form = form_of(request, JSON, CSV) if columns else JSON
        if kept is not None:
            note_basis(request.scope, kept.basis, kept=True)
            return not_modified(request, _tagged(kept.headers, form)) or _in_form(form, kept, columns, rows)
        has = field_of(request, b"if-none-match")
        if has is not None:
            basis = await resolve(asked.database, asked.question)
            note_basis(request.scope, basis)
            headers = _headers(asked, basis, edition)
            if (same := not_modified(request, _tagged(headers, form), exists=False)) is not None:
                return same
        answered = await perform(asked)
        check_history(asked.cursor, answered.basis)
        note_basis(request.scope, answered.basis)
        body = b"{%s,%s}" % (answered.members, basis_members(answered.basis))
        headers = _headers(asked, answered.basis, edition)
        if mapped:
            headers["Link"] += timemap_link(request, dates.iso(answered.basis.as_of))
        headers["Vary"] = f"{headers['Vary']}, {varies}" if "Vary" in headers else varies
        headers["Link"] += next_link(request, answered.members)
        made = KeptAnswer(body, headers, answered.basis, {})
        if tag is not None:
            answers.put((path, sent, made.headers["ETag"]), made)
        same = None if has is None else not_modified(request, _tagged(made.headers, form))
        return same or _in_form(form, made, columns, rows)

    return handle


def _tagged(headers: dict[str, str], form: str) -> dict[str, str]:
    """Return the headers of an answer in a form; each form has a tag of its own."""
    return headers if form == JSON else headers | {"ETag": f'{headers["ETag"][:-1]}.csv"'}


def _in_form(form: str, made: KeptAnswer, columns: Sequence[str], rows: Rows) -> Response[bytes]:
    """Answer in the form that the client accepts; in a table the next page is named by the header Link."""
    if form == JSON:
        return Kept(made.body, JSON, made.headers, made.coded)
    answer = msgspec.json.decode(made.body)
    return Response(table(columns, rows(answer)), media_type=form, headers=_tagged(made.headers, form))


def as_known(shape: type[K], perform: Callable[[AsOfRequest[K], Basis], Awaitable[bytes]]) -> Handler:
    """Make the handler of an operation about every day, as known at K; `perform` returns the members of the answer."""

    async def handle(request: AnyRequest) -> Response[bytes]:
        asked = await placed(request, shape)
        edition = asked.services.heads.edition
        if (back := await sent_back(request, asked.query)) is not None:
            return back
        basis = await resolve(asked.database, asked.question._replace(as_of=asked.services.today()))
        check_history(asked.cursor, basis)
        note_basis(request.scope, basis)
        clocks = known_clocks(basis)
        pinned, at = asked.query.pins_known(), basis.recorded_at
        headers = frozen(request, tag_of(clocks, edition), clocks, pinned=pinned, recorded_at=at)
        if (same := not_modified(request, headers, exists=False)) is not None:
            return same
        members = await perform(asked, basis)
        headers["Link"] += next_link(request, members)
        body = b"{%s,%s}" % (members, every_day_members(basis))
        return not_modified(request, headers) or json_answer(body, headers=headers)

    return handle


async def placed(request: AnyRequest, shape: type[K]) -> AsOfRequest[K]:
    """Decode the query and find D, K and the place that it asks for; raises BadQuery for a cursor of another list."""
    query, services = read(request.scope["query_string"], shape), services_of(request)
    written: str | None = getattr(query, "cursor", None)
    if written is None:
        question = await question_of(services, query)
        return AsOfRequest(request, services, services.database, query, question, None, 0)
    cursor = read_cursor(request, written, AsOfCursor)
    if not same_clocks(request, query, cursor):
        raise foreign_cursor()
    return AsOfRequest(request, services, services.database, query, cursor.question, cursor, cursor.after)


async def _tag(asked: AsOfRequest[K]) -> str | None:
    """Return the tag that the answer will have; None where K is an instant, which only the database resolves."""
    question = asked.question
    if question.instant is not None:
        return None
    heads = asked.services.heads
    position = question.position if question.position is not None else (await heads.read()).position
    return etag(Basis(question.as_of, position, 0, question.published), heads.edition)


async def question_of(services: Services, query: KnownQuery) -> Question:
    """Return the D and K of a query; raises KnowledgeAhead for an instant that is not past."""
    written = query.as_of if isinstance(query, AsOfQuery) else None
    day = services.today() if written is None else ordinal(written)
    if query.known_basis == "published":
        published = query.known_day()
        return Question(day, query.known_position, published=services.today() if published is None else published)
    if query.known_at is None:
        return Question(day, query.known_position)
    instant = micros(query.known_at)
    await freeze(services, "known_at", query.known_at, instant)
    if query.known_position is None:
        return Question(day, instant=instant)
    (at, by) = [
        await resolve(services.database, each)
        for each in (Question(day, instant=instant), Question(day, query.known_position))
    ]
    return Question(day, min(at.position, by.position))


async def freeze(services: Services, name: str, written: str, instant: int) -> None:
    """Make what is known at a parameter's instant final; raises KnowledgeAhead for one that is not past.

    Up to the instant of the head everything is past, whatever the clock says.
    """
    if instant < services.clock():
        await services.ledger.freeze(instant)
        return
    head = await head_of(services.database)
    if instant > head.final:
        asked = f"{name}={written}"
        raise KnowledgeAhead(asked, head.position)


def same_clocks(request: AnyRequest, query: KnownQuery, cursor: AsOfCursor) -> bool:
    """Return whether the D and K that are given beside a cursor are its own."""
    published = query.known_basis == "published"
    basis_given = any(name == "known_basis" for name, _ in parameters_of(request))
    return (
        (not isinstance(query, AsOfQuery) or query.as_of is None or ordinal(query.as_of) == cursor.as_of)
        and _is_same_position(query, cursor)
        and (not basis_given or published == (cursor.published is not None))
        and (not published or query.known_at is None or query.known_day() == cursor.published)
    )


def _is_same_position(query: KnownQuery, cursor: AsOfCursor) -> bool:
    """Return whether the position of a cursor is the one beside it, or before it where an instant is given too."""
    if query.known_position is None:
        return True
    if query.known_at is not None and query.known_basis == "recorded":
        return cursor.position <= query.known_position
    return cursor.position == query.known_position


def _headers(asked: AsOfRequest[K], basis: Basis, edition: str) -> dict[str, str]:
    """Return the headers of an as-of answer: its tag, its frozen URL, and how long it may be kept."""
    query = asked.query
    pinned = isinstance(query, AsOfQuery) and query.as_of is not None and query.pins_known()
    clocks = {"as_of": dates.iso(basis.as_of), **known_clocks(basis)}
    return frozen(asked.request, etag(basis, edition), clocks, pinned=pinned, recorded_at=basis.recorded_at)
