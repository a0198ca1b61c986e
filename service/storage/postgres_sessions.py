"""Sessions with a PostgreSQL server: opened with one that answers, and left when it falls silent.

Every wait has an end. A connection is tried for some seconds a host; a statement has `STATEMENT_SECONDS`, or as many as
whoever begins it says. While one runs for long, its server is asked now and then whether it still answers. One that
does not is left with all its sessions: a slow statement and a silent server are two things. One look at all sessions
now and then ends what is overdue: a timer for each statement would cost 3 us. A server that is gone without a word, as
after a loss of power, is noticed by the keepalive of its sockets as well.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from service.storage.database import Lost
from service.storage.postgres_session import Session
from service.storage.postgres_set_up import SETTINGS, keep_alive, set_up, timeline_of
from service.storage.postgres_url import CONNECT_SECONDS, target
from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from service.storage.postgres_url import Host

LONG_SECONDS = 86_400.0
"""How long one may take that takes as long as its server answers."""
QUIET_SECONDS = 1.0
"""How long a statement runs before its server is asked whether it answers, and from one answer to the next question."""
LOOK_SECONDS = 0.25
"""Seconds between two looks at the sessions."""
STEP_SECONDS = 0.1
"""In steps of so many seconds the answer is waited for: where the process is busy they take longer, as reading does."""
CLOSE_SECONDS = 0.5
"""How long a session is given to end in order."""
LOST = (
    OSError,  # TimeoutError is one
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has taken its leave, and the connection has not been closed yet
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,  # no connection is left, or no space on the disk
    asyncpg.ReadOnlySQLTransactionError,  # the primary has become a standby: a new connection may find the new one
    asyncpg.LockNotAvailableError,  # others hold the lock for longer than anybody waits here
)
"""Errors after which a session is useless, though it may not know yet that it is closed."""
log = structlog.get_logger(__name__)


class Sessions:
    """Opens the sessions with one database, wherever its primary is, looks after them, and closes them."""

    def __init__(self, url: str) -> None:
        """`url` as libpq takes it; raises BadUrl."""
        self._target = target(url)
        self._places = [*self._target.places]
        self._open: set[Session] = set()
        self._opening: set[asyncio.Timeout] = set()
        self._given_up = False
        self._asked: dict[Host, asyncio.Task[None]] = {}
        self._answered: dict[Host, float] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._timeline = 0
        """The newest that a primary was found on: one on an older timeline was left for another."""
        self.place = self._target.places[0]
        """Where the newest session was opened: a session at another place is with a server that was left."""

    async def open(self, until: float | None = None) -> Session:
        """Open a session with the last server that answered, else with any that takes what the URL asks for.

        Of several that take writes it is the one on the newest timeline: the others were left for it, and are back.
        Raises Lost; `until` is when at the latest, by the clock of the loop.
        """
        if self._timeline or not self._target.has_one_primary:
            failure: Exception | None = None
            for place in [*self._places]:
                try:
                    return self._chosen(await self._opened(place, until))
                except (*LOST, asyncpg.PostgresError) as error:
                    failure = error
            raise Lost(reason(failure)) from failure
        return self._chosen(await self._newest(until))

    async def _newest(self, until: float | None) -> Session:
        """Open a session with each server, and keep that on the newest timeline, of equals the first; raises Lost."""
        tried = await asyncio.gather(*[self._opened(place, until) for place in self._places], return_exceptions=True)
        found = [session for session in tried if isinstance(session, Session)]
        if not found:
            failure = next(error for error in tried if isinstance(error, BaseException))
            raise Lost(reason(failure)) from failure
        newest = max(found, key=lambda session: session.timeline)
        for session in found:
            if session is not newest:
                session.terminate()
        return newest

    async def _opened(self, place: Host, until: float | None) -> Session:
        """Open a session with one server; raises one of LOST, also where it is a primary that was left."""
        if self._given_up:
            msg = "the database is closed"
            raise ConnectionError(msg)
        limit = asyncio.timeout_at(until)
        self._opening.add(limit)
        try:
            async with limit:
                session = await self._connect(place)
                await self._prepare(session)
        finally:
            self._opening.discard(limit)
        if session.timeline < self._timeline:
            session.terminate()
            msg = "the server is a primary that was left for another"
            raise ConnectionError(msg)
        return session

    async def _prepare(self, session: Session) -> None:
        try:
            with session.within():
                await set_up(session)
                if self._target.has_one_primary:
                    session.timeline = await timeline_of(session)
        except BaseException:
            session.terminate()
            raise

    def _chosen(self, session: Session) -> Session:
        """Note the server of a session as the one that is tried first."""
        self.place, self._timeline = session.place, max(session.timeline, self._timeline)
        self._order(session.place, 0)
        return session

    def _order(self, place: Host, index: int) -> None:
        """Set when a place is tried: 0 is first."""
        self._places.remove(place)
        self._places.insert(index, place)

    @asynccontextmanager
    async def long(self) -> AsyncIterator[Session]:
        """Open a session whose statements may take as long as its server answers; it is closed at the end."""
        session = await self.open()
        try:
            with session.within(LONG_SECONDS):
                await session.execute("SET lock_timeout = 0")
                yield session
        except LOST as error:
            # What asyncpg says of a closed session is about its own state.
            unsaid = isinstance(error, asyncpg.InterfaceError) and session.is_closed()
            session.terminate()
            raise Lost("the connection to the database was lost" if unsaid else reason(error)) from error
        finally:
            await _close(session)

    def is_current(self, session: Session) -> bool:
        """Return whether a session can be used: it is open, with the server that the newest one is with."""
        return not session.is_closed() and session.place is self.place

    async def answers(self, place: Host) -> bool:
        """Return whether a server answers at all, if only with a refusal, however long it takes."""
        try:
            await _close(await self._connect(place, {"target_session_attrs": "any", "timeout": LONG_SECONDS}))
        except OSError:
            return False
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            return True
        return True

    def give_up(self) -> None:
        """End every session at once, whatever it does, and open no other."""
        self._given_up = True
        for limit in self._opening:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
        for session in [*self._open]:
            session.terminate()

    async def close(self) -> None:
        """Close every session that is still open, and open no other."""
        self._given_up = True
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        for asking in self._asked.values():
            asking.cancel()
        await asyncio.gather(*map(_close, [*self._open]))

    def _look(self) -> None:
        """End the sessions that are overdue, and ask the servers of those that run for long.

        What is overdue has one look more: its answer may be here and unread, where the process was busy.
        """
        now = monotonic()
        for session in [each for each in self._open if each.since]:
            if session.is_overdue:
                session.terminate()
            elif now > session.since + session.limit:
                session.is_overdue = True
            elif now > max(session.since, self._answered.get(session.place, 0.0)) + QUIET_SECONDS:
                self._ask(session.place)
        self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _ask(self, place: Host) -> None:
        """Ask a server whether it answers, unless it is being asked; leave it if it does not.

        The steps of a connection are counted, not seconds: a process that is busy is not to take it for silent.
        """

        async def ask() -> None:
            began = monotonic()
            asking = quiet(asyncio.create_task(self.answers(place), name="knock"))
            try:
                for _ in range(round((self._target.arguments["timeout"] or CONNECT_SECONDS) / STEP_SECONDS)):
                    if (await asyncio.wait([asking], timeout=STEP_SECONDS))[0]:
                        break
            finally:
                asking.cancel()
            if asking.done() and await asking:
                self._answered[place] = monotonic()
                return
            self._order(place, len(self._places))
            await asyncio.sleep(LOOK_SECONDS)
            sessions = [each for each in self._open if each.place == place]
            if any(0.0 < each.since < began for each in sessions):
                log.warning("database.silent", seconds=round(monotonic() - began, 1), sessions=len(sessions))
                for each in sessions:
                    each.terminate()

        if place not in self._asked:
            self._asked[place] = asyncio.create_task(ask(), name="ask server")
            self._asked[place].add_done_callback(lambda _: self._asked.pop(place))

    async def _connect(self, place: Host, arguments: Mapping[str, Any] | None = None) -> Session:
        known = self._target
        try:
            session = await asyncpg.connect(
                **{**known.arguments, **(arguments or {})},
                host=place.host,
                port=place.port,
                server_settings={**SETTINGS, **known.settings},
                connection_class=Session,
            )
        except TimeoutError:
            self._order(place, len(self._places))
            raise
        session.place = place
        keep_alive(session.socket, known.keepalive)
        self._open.add(session)
        session.add_termination_listener(self._forget)
        if self._looking is None:
            self._look()
        return session

    def _forget(self, session: Any) -> None:  # noqa: ANN401 - as asyncpg calls it
        self._open.discard(session)


def reason(error: BaseException | None) -> str:
    """Return an error in words: that of a wait that was too long has none of its own."""
    return str(error) or "the database does not answer"


async def _close(session: Session) -> None:
    with suppress(*LOST, asyncpg.PostgresError):
        await session.close(timeout=CLOSE_SECONDS)
