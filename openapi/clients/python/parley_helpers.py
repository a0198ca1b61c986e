# ruff: noqa: INP001 - it stands beside the generated package
"""What a generator cannot make: answers without their problems, pages one after the other, and the log as it grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from parley_client.api.events import get_event
from parley_client.models import Problem, StreamSetBack
from parley_client.unions import FactEvent, RecordedEvent, RecordedRecord, fact_event, recorded_event, recorded_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    import httpx
    from parley_client import AuthenticatedClient, Client

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Refused(Exception):  # noqa: N818 - a condition
    """The service answered with a problem, or not as its document says (then `problem` is None)."""

    def __init__(self, problem: Problem | None) -> None:
        """Keep the problem; its detail is the message."""
        super().__init__(problem.detail or problem.title if problem else "an answer that the document does not know")
        self.problem = problem


class SetBack(Exception):  # noqa: N818 - a condition
    """The log was set back, as to a backup: what was read may be wrong. Read it again from its beginning."""

    def __init__(self, notice: StreamSetBack) -> None:
        """Keep the notice; its detail is the message."""
        super().__init__(notice.detail)
        self.notice = notice


class Page(Protocol[T_co]):
    """A page of a list, as every list answers."""

    @property
    def items(self) -> Sequence[T_co]:
        """What is on the page."""

    @property
    def next_(self) -> str | None:
        """The cursor of the next page; None at the end."""


def ok(answer: T | Problem | None) -> T:
    """Return an answer that is no problem; raises Refused for one."""
    if answer is None or isinstance(answer, Problem):
        raise Refused(answer)
    return answer


def items(ask: Callable[[str | None], Page[T] | Problem | None]) -> Iterator[T]:
    """Return the items of all pages of a list; `ask` has the cursor of a page, and None for the first.

    A cursor keeps D and K, so that all pages are of one state.
    """
    cursor: str | None = None
    while True:
        page = ok(ask(cursor))
        yield from page.items
        cursor = page.next_
        if cursor is None:
            return


class Reading(NamedTuple):
    """One event, the records on it, and its text now: None where it is retracted."""

    event: RecordedEvent
    records: Sequence[RecordedRecord]
    now: FactEvent | None


def read_event(client: AuthenticatedClient | Client, event_id: UUID) -> Reading:
    """Return an event with what was recorded on it; raises Refused."""
    event = get_event.sync(event_id, client=client)
    if event is None or isinstance(event, Problem):  # a union of 85 is too much for the inference of `ok`
        raise Refused(event)
    more = event.additional_properties
    now = fact_event(more["now"]) if more["now"] else None
    return Reading(event, [recorded_record(each) for each in more["records"]], now)


def follow(client: AuthenticatedClient | Client, after: int = 0) -> Iterator[RecordedEvent]:
    """Return the events after a position as they are recorded; it does not end by itself.

    Raises Refused, SetBack, or httpx.TransportError where the connection breaks: go on after the last position.
    """
    headers = {"Accept": "text/event-stream"}
    params = {"after": str(after)}
    http = client.get_httpx_client()
    with http.stream("GET", "/v1/feed/stream", params=params, headers=headers, timeout=None) as answer:
        if answer.status_code != 200:  # noqa: PLR2004 - OK
            raise Refused(_problem(answer))
        for message in _messages(answer):
            if message.get("type") == "/problems/other-log":
                raise SetBack(StreamSetBack.from_dict(message))
            yield recorded_event(message)


def _messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Return the data of each message; comments keep the connection open."""
    data: list[str] = []
    for line in answer.iter_lines():
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield json.loads("\n".join(data))
            data = []


def _problem(answer: httpx.Response) -> Problem | None:
    answer.read()
    return Problem.from_dict(answer.json()) if "problem+json" in answer.headers["content-type"] else None
