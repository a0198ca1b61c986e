"""The HTTP client of a follower: requests repeated until they are answered, the feed, and the consumer's cursor."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import msgspec
import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.cli.signals import Signals

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries to reach the service; the last for ever."""

T = TypeVar("T")
logger = structlog.get_logger(__name__)


class Halted(Exception):  # noqa: N818 - a condition
    """Following on is impossible, or would be wrong; the message says why."""


class Numbered(msgspec.Struct, frozen=True):
    """The members of an event that a follower reads: its position, and when it was recorded."""

    position: int
    recorded_at: str = ""

    @property
    def place(self) -> str:
        """Return its place, which `after` takes."""
        return f"{self.position}@{self.recorded_at}" if self.recorded_at else str(self.position)


class Shown(msgspec.Struct, frozen=True):
    """The members of a consumer that a follower reads: its position, and its place, which `after` takes."""

    position: int
    place: str


class FollowedPage(msgspec.Struct, frozen=True):
    """A page of the feed."""

    events: tuple[Numbered, ...]
    next: int
    head: int


class Texts(msgspec.Struct, frozen=True):
    """The same page, with the JSON of each event as it came."""

    events: tuple[msgspec.Raw, ...]


class PageRead(NamedTuple):
    """A page, the texts of its events, and the place that it reaches."""

    page: FollowedPage
    texts: Texts
    place: str


class ProblemDocument(msgspec.Struct, frozen=True):
    """The members of a problem document (RFC 9457) that a follower reads."""

    title: str = ""
    detail: str = ""
    errors: tuple[dict[str, str], ...] = ()
    actual: dict[str, int] = {}

    def text(self) -> str:
        """Return the refusal with its reasons, as one line."""
        errors = [": ".join(reversed(each.values())) for each in self.errors]
        return " ".join([self.title + ".", self.detail, *errors]).strip()


class Reply(NamedTuple):
    """The response of the service; `retried`: an earlier try of the same request may have arrived too."""

    response: httpx.Response
    retried: bool


class FeedClient:
    """The service over HTTP: a request without a response is sent again, for ever."""

    def __init__(self, client: httpx.AsyncClient, signals: Signals) -> None:
        """`client` has the address of the service."""
        self._client, self._signals = client, signals

    async def read(self, after: str, query: Mapping[str, str | int]) -> PageRead:
        """Read a page of the feed after a place."""
        response = (await self.ask("GET", "/v1/feed", params={"after": after, **query})).response
        page = decoded(response, FollowedPage)
        return PageRead(page, decoded(response, Texts), response.headers.get("feed-place", str(page.next)))

    async def before(self, since: str) -> int:
        """Return the position after which the events begin that were recorded at a time or later."""
        page = decoded((await self.ask("GET", "/v1/feed", params={"since": since, "limit": 1})).response, FollowedPage)
        return page.events[0].position - 1 if page.events else page.next

    async def ask(self, method: str, path: str, **options: Any) -> Reply:  # noqa: ANN401 - what httpx takes
        """Send a request until it is answered. A signal ends a read at once, a write between two tries."""
        for tries, pause in enumerate(chain(PAUSES, repeat(PAUSES[-1]))):
            trying = self._try(method, path, **options)
            result = await (self._signals.unless_came(trying) if method == "GET" else trying)
            if isinstance(result, httpx.Response):
                return Reply(result, retried=tries > 0)
            logger.warning("follow.lost", error=result, retry_seconds=pause)
            await self._signals.unless_came(asyncio.sleep(pause))
        raise AssertionError  # repeat() has no end

    async def _try(self, method: str, path: str, **options: Any) -> httpx.Response | str:  # noqa: ANN401
        """Send a request; return the response, or the reason to send it again."""
        try:
            response = await self._client.request(method, path, **options)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return str(error) or type(error).__name__
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return f"{response.status_code} {response.reason_phrase}"
        return response


class Cursor:
    """The position to read on after: the service keeps it for a named consumer, else it is only here."""

    def __init__(self, client: FeedClient, name: str | None, after: int, since: str | None = None) -> None:
        """Begin at `after`, or at a time, unless `find` reads another position of the consumer."""
        self._client, self._name, self._since = client, name, since
        self._path = f"/v1/consumers/{quote(name or '', safe='')}"
        self.position = after
        self.place = str(after)

    async def find(self) -> None:
        """Read the consumer, or make it; without one, find the position to begin at."""
        if self._name is None:
            await self._begin()
            return
        response = (await self._client.ask("GET", self._path)).response
        if response.status_code == httpx.codes.NOT_FOUND:
            await self._begin()
            response = (await self._client.ask("PUT", self._path, json={"position": self.position})).response
        found = decoded(response, Shown)
        self.position, self.place = found.position, found.place

    async def _begin(self) -> None:
        if self._since is not None:
            self.position = await self._client.before(self._since)
            self.place = str(self.position)

    async def move(self, place: str) -> None:
        """Record that everything up to a place is handled.

        Raises Halted when somebody else moved the cursor, or the log has another event at the place.
        """
        written, _, recorded_at = place.partition("@")
        position = int(written)
        if position != self.position and self._name is not None:
            body: dict[str, str | int] = {"position": position, "expected": self.position}
            if recorded_at:
                body["recorded_at"] = recorded_at
            response, retried = await self._client.ask("PUT", self._path, json=body)
            if response.status_code != httpx.codes.CONFLICT:
                decoded(response, Shown)
            elif not retried or problem_of(response).actual.get(self._name) != position:  # else: our own try arrived
                msg = f"somebody else moves the cursor of {self._name}: {problem_of(response).detail}"
                raise Halted(msg)
        self.position, self.place = position, place


def decoded(response: httpx.Response, shape: type[T]) -> T:
    """Decode a response; raises Halted for a refusal, and for a body that Parley does not send."""
    if not response.is_success:
        msg = f"{response.request.method} {response.request.url.path}: {problem_of(response).text()}"
        raise Halted(msg)
    try:
        return msgspec.json.decode(response.content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{response.request.url} does not answer as Parley does: {error}"
        raise Halted(msg) from error


def problem_of(response: httpx.Response) -> ProblemDocument:
    """Decode a problem document; of any other body only the status is kept."""
    try:
        return msgspec.json.decode(response.content, type=ProblemDocument)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ProblemDocument(title=f"{response.status_code} {response.reason_phrase}")
