"""An append on its way: a client's batch, and the answer that its writer waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from service.domain.errors import Refused, Unavailable
from service.domain.vocabulary.events import id_of
from service.storage.database import DuplicateId, Lost

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from uuid import UUID

    from service.domain.errors import Fault
    from service.domain.vocabulary.events import Fact, Record
    from service.eventlog.log import Stored
    from service.eventlog.request_keys import KeyedRequest, RequestKey


class AppendResult(NamedTuple):
    """The recorded events, the warnings about them, and whether they had been recorded before."""

    events: list[Stored]
    warnings: list[Fault]
    repeated: bool


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
    once: bool = False
    recorded_by: Sequence[str] = ()
    look_up: bool = False
    own: bool = False
    recorded: dict[UUID, Stored] = field(default_factory=dict)
    first: KeyedRequest | None = None
    outcome: AppendResult | Refused | None = None
    refused: Refused | None = None

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
            self.answer.set_exception(self.outcome)


@dataclass(slots=True)
class Counted:
    """The work of a process since its start."""

    events: int = 0
    commits: int = 0
    refused: int = 0
