"""Questions of watches: the URL of a GET as of (D, K), without D and K, answered by the handler of that GET."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from litestar import Request

from service.api import between, exposure, issue_list, issues, items
from service.api.http.cursors import next_cursor
from service.api.http.parameters import AsOfQuery
from service.api.http.problems import NotFound
from service.api.http.query_strings import BadQuery, read
from service.api.question_reach import reach_of
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import SLUG_MAX, SLUG_PATTERN
from service.watches.answers import BYTES_MAX, ITEMS_MAX, GivenAnswer

if TYPE_CHECKING:
    from typing import Any

    from litestar import Litestar

    from service.api.http.requests import Handler
    from service.watches.reach import Reach

_CLOCKS = {
    "as_of": "it is asked as of today (UTC)",
    **dict.fromkeys(("known_at", "known_position", "known_basis"), "it is asked as known now"),
    "cursor": "it is about the list from its beginning",
}
"""Parameters that a question may not have, and why."""
_URL = r"[!-~]+"
"""What a question is made of: ASCII that prints."""


class _Asked(NamedTuple):
    """What is at a path: the shape of its query, and its handler."""

    shape: type[AsOfQuery]
    handler: Handler
    parameter: str = ""


class WrittenQuestion(NamedTuple):
    """A question as it is asked: the path, the query string, its decoded query, its handler, and the name in the path.

    `parameter` is what the path calls the name; both are "" where the path is of no one item.
    """

    path: str
    sent: str
    query: AsOfQuery
    handler: Handler
    parameter: str
    name: str

    def url(self, day: int, position: int) -> str:
        """Return the frozen URL of the answer as of a day as known at a position; a list is asked to its end."""
        whole = f"limit={ITEMS_MAX}" if self.is_whole() else ""
        clocks = f"as_of={dates.iso(day)}&known_position={position}"
        return f"{self.path}?{'&'.join(filter(None, (self.sent, whole, clocks)))}"

    def is_whole(self) -> bool:
        """Return whether the question is about a list without a limit."""
        return "limit" in type(self.query).__struct_fields__ and "limit" not in _names(self.sent)


_AT: dict[str, _Asked] = {}
for _operation, _handler in (
    *between.ROUTES, *exposure.ROUTES, *issue_list.ROUTES, *issues.ROUTES, *items.ROUTES,
):  # fmt: skip
    if _operation.method == "GET" and _operation.query is not None and issubclass(_operation.query, AsOfQuery):
        _path, _, _parameter = _operation.path.partition("{")
        _AT[_path] = _Asked(_operation.query, _handler, _parameter.rstrip("}"))


def read_question(written: str) -> WrittenQuestion:
    """Read a question; raises Malformed with the faults that GET would be refused with, and those of a watch."""
    if not re.fullmatch(_URL, written):
        raise _refused(["not a path and query: other characters than those of a URL are percent-encoded"])
    path, _, sent = written.partition("?")
    start, _, name = path.rpartition("/")
    place = _AT.get(f"{start}/") if path not in _AT and name else _AT.get(path)
    if place is None or path.endswith("/"):
        raise _refused(
            ["not the path and query of /v1/between, /v1/exposure, a list of items or issues, or one of them"]
        )
    if place.parameter and (not re.match(SLUG_PATTERN, name) or len(name) > SLUG_MAX):
        raise _refused([f"there is no {place.parameter} {name[:80]}"])
    if clocks := [f"{each}: {_CLOCKS[each]}" for each in _names(sent) if each in _CLOCKS]:
        raise _refused(clocks)
    try:
        query = read(sent.encode(), place.shape)
    except BadQuery as error:
        raise _refused_by(error) from error
    return WrittenQuestion(path, sent, query, place.handler, place.parameter, name if place.parameter else "")


def _names(sent: str) -> list[str]:
    return list(dict.fromkeys(name for name, _ in parse_qsl(sent, keep_blank_values=True)))


def _refused(details: list[str]) -> Malformed:
    return Malformed([Fault(("question",), detail) for detail in details])


def _refused_by(error: BadQuery) -> Malformed:
    return _refused([f"{fault.path[0]}: {fault.detail}" for fault in error.faults])


class Asker:
    """Asks questions by the handlers of an application; see `service/watches/answers.py: Questions`."""

    def __init__(self, app: Litestar) -> None:
        """`app` is running."""
        self._app = app

    async def ask(self, question: str, day: int, position: int) -> GivenAnswer:
        """Return the answer as of a day as known at a position; raises Malformed for a bad query, or as GET does."""
        asked = read_question(question)
        url = asked.url(day, position)
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": asked.path,
            "query_string": url.partition("?")[2].encode(),
            "headers": [],
            "path_params": {asked.parameter: asked.name} if asked.parameter else {},
            "litestar_app": self._app,
            "state": {},
        }
        try:
            response = await asked.handler(Request(scope))  # type: ignore[arg-type] # of what handlers read
        except NotFound:
            return GivenAnswer(url, 404)
        except BadQuery as error:
            raise _refused_by(error) from error
        body: bytes = response.content
        if len(body) > BYTES_MAX or (asked.is_whole() and next_cursor(body)):
            return GivenAnswer(url, 413)
        return GivenAnswer(url, 200, body)

    def reach(self, question: str, day: int) -> Reach:
        """Return which events may change the answer as of a day."""
        asked = read_question(question)
        return reach_of(asked.path, asked.name, asked.query, day)
