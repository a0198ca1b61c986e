"""The reference consumer: follows the feed over HTTP, handles each event, and only then moves its cursor.

At least once: what was handled when the process was killed, and not yet noted, is handled again; nothing is missed.
Any client can do the same, it needs two requests: `GET /v1/feed` and `PUT /v1/consumers/{consumer}`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import msgspec
import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

WAIT_SECONDS = 30
"""How long the feed may hold back an answer until something follows."""
TIMEOUT = httpx.Timeout(2 * WAIT_SECONDS, connect=10)
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries to reach the service; the last for ever."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
POSITION_VARIABLE = "PARLEY_POSITION"

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Halted(Exception):  # noqa: N818 - a condition
    """It is not possible, or not right, to follow on; the message says why."""


class Stopped(Exception):  # noqa: N818 - a condition
    """A signal came while nothing was in hand."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to follow and what to do: without a `command` events are written, without a `consumer` nothing is noted.

    `after` is where to begin, for a consumer that is not there yet. `filters` are parameters of the feed, `limit`
    events are asked for at a time. `once` ends at the head.
    """

    url: str
    consumer: str | None = None
    command: Sequence[str] = ()
    after: int = 0
    filters: Mapping[str, str]
    limit: int
    once: bool = False


class Numbered(msgspec.Struct, frozen=True):
    """What is looked at of an event, and of a cursor: the position."""

    position: int


class Page(msgspec.Struct, frozen=True):
    """A page of the feed."""

    events: tuple[Numbered, ...]
    next: int
    head: int


class Texts(msgspec.Struct, frozen=True):
    """The same page; its events are passed on as they came."""

    events: tuple[msgspec.Raw, ...]


class Problem(msgspec.Struct, frozen=True):
    """What is looked at of a refusal (RFC 9457)."""

    title: str = ""
    detail: str = ""
    errors: tuple[dict[str, str], ...] = ()
    actual: dict[str, int] = {}

    def text(self) -> str:
        """Say what was refused and why."""
        errors = [": ".join(reversed(each.values())) for each in self.errors]
        return " ".join([self.title + ".", self.detail, *errors]).strip()


class Signals:
    """Whether SIGTERM or SIGINT came. Waiting ends at once; what is in hand is handled first.

    The event loop learns of a signal through a pipe. A handler of Python's own would run too late when the signal comes
    between the last step of Python and the system call that waits: it would run when that call is over.
    """

    def __init__(self) -> None:
        """Take the signals of the running loop; the next one has its usual effect again."""
        self._come = asyncio.Event()
        for each in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(each, self._on)

    def _on(self) -> None:
        for each in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        self._come.set()

    @property
    def came(self) -> bool:
        """Whether one came."""
        return self._come.is_set()

    async def unless_came(self, waited: Coroutine[Any, Any, T]) -> T:
        """Wait for something; Stopped when a signal comes, or came before."""
        waiting = asyncio.ensure_future(waited)
        come = asyncio.ensure_future(self._come.wait())
        try:
            await asyncio.wait((waiting, come), return_when=asyncio.FIRST_COMPLETED)
            if self.came:
                raise Stopped
            return await waiting
        finally:
            waiting.cancel()
            come.cancel()
            await asyncio.wait((waiting, come))


class Answer(NamedTuple):
    """What the service said; `retried`: an earlier try of the same request may have been heard too."""

    response: httpx.Response
    retried: bool


class Service:
    """The service over HTTP: what it does not answer is asked again, for ever."""

    def __init__(self, client: httpx.AsyncClient, signals: Signals) -> None:
        """`client` has the address of the service."""
        self._client, self._signals = client, signals

    async def ask(self, method: str, path: str, **sent: Any) -> Answer:  # noqa: ANN401 - what httpx takes
        """Send a request until it is answered. A signal ends a read at once, a write between two tries."""
        for tries, pause in enumerate(chain(PAUSES, repeat(PAUSES[-1]))):
            trying = self._try(method, path, **sent)
            trouble = await (self._signals.unless_came(trying) if method == "GET" else trying)
            if isinstance(trouble, httpx.Response):
                return Answer(trouble, retried=tries > 0)
            log.warning("follow.lost", error=trouble, retry_seconds=pause)
            await self._signals.unless_came(asyncio.sleep(pause))
        raise AssertionError  # repeat() has no end

    async def _try(self, method: str, path: str, **sent: Any) -> httpx.Response | str:  # noqa: ANN401
        """Send a request; return what was wrong when there is no answer, or one for another time."""
        try:
            response = await self._client.request(method, path, **sent)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return str(error) or type(error).__name__
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return f"{response.status_code} {response.reason_phrase}"
        return response


class Cursor:
    """Where to read on: the service keeps it for a consumer with a name, else it is only here."""

    def __init__(self, service: Service, name: str | None, after: int) -> None:
        """Begin at `after`, if the service does not `find` the consumer elsewhere."""
        self._service, self._name = service, name
        self._path = f"/v1/consumers/{quote(name or '', safe='')}"
        self.position = after

    async def find(self) -> None:
        """Find the consumer, or make it."""
        if self._name is None:
            return
        found = (await self._service.ask("GET", self._path)).response
        if found.status_code == httpx.codes.NOT_FOUND:
            found = (await self._service.ask("PUT", self._path, json={"position": self.position})).response
        self.position = decoded(found, Numbered).position

    async def move(self, position: int) -> None:
        """Note what has been handled; Halted when somebody else has moved the cursor."""
        if position != self.position and self._name is not None:
            sent = {"position": position, "expected": self.position}
            response, retried = await self._service.ask("PUT", self._path, json=sent)
            if response.status_code != httpx.codes.CONFLICT:
                decoded(response, Numbered)
            elif not retried or problem_of(response).actual.get(self._name) != position:  # else: our own move was heard
                msg = f"somebody else moves the cursor of {self._name}: {problem_of(response).detail}"
                raise Halted(msg)
        self.position = position


def decoded(response: httpx.Response, shape: type[T]) -> T:
    """Read an answer; Halted for a refusal, and for what no such service says."""
    if not response.is_success:
        msg = f"{response.request.method} {response.request.url.path}: {problem_of(response).text()}"
        raise Halted(msg)
    try:
        return msgspec.json.decode(response.content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{response.request.url} does not answer as Parley does: {error}"
        raise Halted(msg) from error


def problem_of(response: httpx.Response) -> Problem:
    """Read a problem document; from others only the status is told."""
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem(title=f"{response.status_code} {response.reason_phrase}")


async def run(plan: Plan, out: BinaryIO) -> None:
    """Follow until stopped by a signal, or once to the head; Halted when that is not possible or not right."""
    signals = Signals()
    async with httpx.AsyncClient(base_url=plan.url, timeout=TIMEOUT) as client:
        service = Service(client, signals)
        cursor = Cursor(service, plan.consumer, plan.after)
        with suppress(Stopped):
            await cursor.find()
            log.info("follow.started", url=plan.url, consumer=plan.consumer, after=cursor.position)
            while not signals.came:
                page, texts = await _read(service, plan, cursor.position)
                _prove(page, cursor.position, whole=not plan.filters)
                await _pass_on(page, texts, plan, cursor, signals, out)
                if plan.once and page.next >= page.head:
                    break
    log.info("follow.stopped", consumer=plan.consumer)


async def _read(service: Service, plan: Plan, after: int) -> tuple[Page, Texts]:
    """Read a page of the feed."""
    wait = 0 if plan.once else WAIT_SECONDS
    query = {"after": after, "limit": plan.limit, "wait": wait, **plan.filters}
    response = (await service.ask("GET", "/v1/feed", params=query)).response
    return decoded(response, Page), decoded(response, Texts)


async def _pass_on(page: Page, texts: Texts, plan: Plan, cursor: Cursor, signals: Signals, out: BinaryIO) -> None:
    """Handle the events of a page, and note it: after each with a command, else when all are written.

    Commands and writing are waited for in a thread, so that a second signal has its effect meanwhile.
    """
    if plan.command:
        for event, text in zip(page.events, texts.events, strict=True):
            await asyncio.to_thread(_execute, plan.command, event.position, bytes(text) + b"\n")
            await cursor.move(event.position)
            if signals.came:
                return
    else:
        await asyncio.to_thread(_write, texts, out)
    await cursor.move(page.next)


def _prove(page: Page, after: int, *, whole: bool) -> None:
    """See that nothing is left out or comes twice; by filter only that the order is kept."""
    positions = [event.position for event in page.events]
    if whole:
        proven = positions == list(range(after + 1, after + 1 + len(positions))) and page.next == after + len(positions)
    else:
        places = [after, *positions, page.next]
        proven = sorted(set(places[:-1])) == places[:-1] and places[-1] >= places[-2]
    if not proven:
        msg = f"the feed has a gap or a disorder: behind {after} came {_listed(positions)}, to go on behind {page.next}"
        raise Halted(msg)


def _listed(positions: Sequence[int]) -> str:
    shown = 5
    listed = ", ".join(map(str, positions[:shown])) or "nothing"
    return listed if len(positions) <= shown else f"{listed} … {positions[-1]}"


def _write(texts: Texts, out: BinaryIO) -> None:
    """Write each event of a page as a line."""
    out.writelines(bytes(text) + b"\n" for text in texts.events)
    out.flush()


def _execute(command: Sequence[str], position: int, line: bytes) -> None:
    """Hand an event to the command; Halted when that does not end with exit code 0."""
    environment = os.environ | {POSITION_VARIABLE: str(position)}  # noqa: TID251 - the command has what we have
    try:
        # A group of its own: Ctrl-C is for us, and the command ends what it has in hand.
        done = subprocess.run(command, input=line, env=environment, check=False, process_group=0)  # noqa: S603 - what the user wants run
    except OSError as error:
        msg = f"event {position} is not handled: {command[0]}: {error.strerror}"
        raise Halted(msg) from error
    if done.returncode:
        how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        msg = f"event {position} is not handled: {command[0]} ended with {how}"
        raise Halted(msg)
