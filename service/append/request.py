"""An append on its way: a client's batch, and the answer that its writer waits for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from service.domain.errors import Fault, Malformed, Refused, Unavailable
from service.domain.vocabulary import instants
from service.domain.vocabulary.events import id_of
from service.spread import EVENTS, Spread
from service.storage.database import DuplicateId, Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from service.domain.vocabulary.events import Batch, Fact, Record
    from service.eventlog.log import Stored
    from service.eventlog.request_keys import KeyedRequest, RequestKey


END_OF_TIME = instants.parse("9999-01-01T00:00:00+00:00")
"""No commit is stamped with this instant or a later one by hand: the calendar ends a year after it."""


class AppendResult(NamedTuple):
    """The recorded events, the warnings about them, and whether they had been recorded before."""

    events: list[Stored]
    warnings: list[Fault]
    repeated: bool


class Once(NamedTuple):
    """A record that is recorded once; with a position, `seen`, only if the event that it is on had none after it."""

    seen: int | None = None


@dataclass(eq=False, slots=True)
class Request:
    """An append on its way; its events have their ids.

    `given` are the ids that the client gave, `marks` these and the key: requests that share one may be the same.
    `look_up` asks to look for all of its ids in the log. `own` is true where those found may be this request's own
    commit. `recorded` are the events found. `key` is that of the header Idempotency-Key, `first` the recorded request
    that had it. `copied` is true for events that some ledger has recorded already. With `once`, its one record is not
    recorded where one that says the same holds. `recorded_by` has the JSON of who records each event. `outcome` is set
    when the request is decided, `refused` when it is too much work whatever the others are.
    """

    events: Sequence[Fact | Record]
    expected: dict[str, int]
    answer: asyncio.Future[AppendResult]
    given: frozenset[UUID]
    marks: frozenset[UUID | bytes]
    recorded_at: int | None = None
    key: RequestKey | None = None
    copied: bool = False
    once: Once | None = None
    recorded_by: Sequence[str] = ()
    look_up: bool = False
    own: bool = False
    recorded: dict[UUID, Stored] = field(default_factory=dict)
    first: KeyedRequest | None = None
    outcome: AppendResult | Refused | None = None
    refused: Refused | None = None

    @classmethod
    def of(
        cls,
        batch: Batch,
        new_id: Callable[[], UUID],
        key: RequestKey | None = None,
        recorded_by: str | Sequence[str] = "",
        recorded_at: int | None = None,
    ) -> Request:
        """Return the request to record a batch; its events without an id get a new one.

        `recorded_by` is the JSON of who records it, or one for each event. Raises Malformed for a `recorded_at` that
        leaves no instant for later events.
        """
        if recorded_at is not None and recorded_at >= END_OF_TIME:
            detail = f"{instants.text(recorded_at)} leaves no instant for later events"
            raise Malformed([Fault(("recorded_at",), detail)])
        events = [event if event.id is not None else replace(event, id=new_id()) for event in batch.events]
        given = frozenset([event.id for event in batch.events if event.id is not None])
        by = [recorded_by] * len(events) if isinstance(recorded_by, str) else recorded_by
        return cls(
            events,
            batch.expected_versions,
            asyncio.get_running_loop().create_future(),
            given,
            given if key is None else given | {key.key},
            recorded_at,
            key=key,
            recorded_by=by,
        )

    def ids(self) -> list[UUID]:
        """Return the ids of its events."""
        return [id_of(event) for event in self.events]

    def note(self, error: BaseException | None) -> None:
        """Take note, after a failed commit, of what is to be looked for in the log before the next try."""
        if isinstance(error, DuplicateId):
            self.look_up = self.look_up or bool(self.given)
        elif isinstance(error, Lost):  # The log shows by the ids whether the commit happened, and what has been lost.
            self.look_up = self.own = True
            self.recorded = {}

    def fail(self, cause: Exception) -> None:
        """Answer the writer that the ledger cannot record it now."""
        if not self.answer.done():
            refusal = Unavailable("the ledger could not record this now; try again with the same ids or key")
            refusal.__cause__ = cause
            self.answer.set_exception(refusal)

    def resolve(self) -> None:
        """Answer the writer with the outcome."""
        if self.answer.done():
            return
        if isinstance(self.outcome, AppendResult):
            self.answer.set_result(self.outcome)
        elif self.outcome is not None:
            # Without the frames that it came through: they hold the batch, and what was made of it.
            self.answer.set_exception(self.outcome.with_traceback(None))


@dataclass(slots=True)
class Counted:
    """The work of a process since its start.

    `seconds` are those that each append took, refused ones too; `batch` how many events each had, `group` how many
    each commit had.
    """

    events: int = 0
    commits: int = 0
    refused: int = 0
    seconds: Spread = field(default_factory=Spread)
    batch: Spread = field(default_factory=lambda: Spread(EVENTS))
    group: Spread = field(default_factory=lambda: Spread(EVENTS))

    def append(self, seconds: float, events: int) -> None:
        """Count an append of so many events, which took so long."""
        self.seconds.add(seconds)
        self.batch.add(events)

    def commit(self, events: int, refused: int) -> None:
        """Count a commit of so many events, none where all had been recorded before, and those refused beside it."""
        self.refused += refused
        if events > 0:
            self.events += events
            self.commits += 1
            self.group.add(events)
